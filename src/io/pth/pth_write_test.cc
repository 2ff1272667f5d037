// Files that we write, opened by Python's torch.load(weights_only=True), and read back by us.
#include <cmath>
#include <cstring>
#include <limits>

#include "io/pth/pth.h"
#include "io/python_judge.h"

namespace qat::io {
namespace {

using qat::testing::TempFolder;

Tensor ramp(DType type, const Shape& shape) {
  Tensor t(DType::kF64, shape);
  for (int64_t i = 0; i < t.size(); ++i) t.data<double>()[static_cast<size_t>(i)] = static_cast<double>(i % 100);
  return t.to(type);
}

PyDict all_types() {
  PyDict dict;
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    const auto type = static_cast<DType>(i);
    dict.emplace_back(std::string(name_of(type)), PyValue{.data = ramp(type, {3, 7})});
  }
  dict.emplace_back("scalar", PyValue{.data = ramp(DType::kF32, {})});
  dict.emplace_back("empty", PyValue{.data = Tensor(DType::kF32, {0, 5})});
  dict.emplace_back("large", PyValue{.data = ramp(DType::kF32, {300, 1001})});  // past the file's buffer
  return dict;
}

PyValue everything() {
  const Tensor shared = ramp(DType::kF32, {2, 4});
  PyDict dict;
  dict.emplace_back("state_dict", PyValue{.data = all_types()});
  dict.emplace_back("same", PyValue{.data = shared});
  dict.emplace_back("again", PyValue{.data = shared.reshaped({8})});
  PyList numbers;
  for (const int64_t n :
       {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{-1}, int64_t{2147483647}, int64_t{-2147483648},
        int64_t{2147483648}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()})
    numbers.push_back(PyValue{.data = n});
  dict.emplace_back("numbers", PyValue{.data = numbers});
  dict.emplace_back("tuple",
                    PyValue{.data = PyList{PyValue{.data = 0.1}, PyValue{.data = -std::exp(300.0)}}, .is_tuple = true});
  dict.emplace_back("none", PyValue{});
  dict.emplace_back("bools", PyValue{.data = PyList{PyValue{.data = true}, PyValue{.data = false}}});
  dict.emplace_back("text", PyValue{.data = std::string("r\xC3\xA9seau\nline")});
  dict.emplace_back("", PyValue{.data = PyDict{}});
  dict.emplace_back("lists",
                    PyValue{.data = PyList{PyValue{.data = PyList{}}, PyValue{.data = PyList{}, .is_tuple = true}}});
  return PyValue{.data = dict};
}

constexpr const char* kScript = R"(
import collections, math, zipfile, torch
f = torch.load('ours.pth', weights_only=True)
types = dict(f32=torch.float32, f16=torch.float16, bf16=torch.bfloat16, f64=torch.float64, i8=torch.int8, u8=torch.uint8,
             i16=torch.int16, i32=torch.int32, i64=torch.int64, bool=torch.bool)
def ramp(t, *shape): return (torch.arange(math.prod(shape)) % 100).to(t).reshape(shape)
s = f['state_dict']
assert type(s) is collections.OrderedDict and type(f) is dict
assert list(s) == ['f32', 'f16', 'bf16', 'f64', 'i8', 'u8', 'i16', 'i32', 'i64', 'bool', 'scalar', 'empty', 'large'], list(s)
for name, t in types.items(): assert s[name].dtype == t and torch.equal(s[name], ramp(t, 3, 7)), name
assert s['scalar'].shape == () and s['empty'].shape == (0, 5) and torch.equal(s['large'], ramp(torch.float32, 300, 1001))
assert f['same'].untyped_storage().data_ptr() == f['again'].untyped_storage().data_ptr() and f['again'].shape == (8,)
assert f['numbers'] == [0, 255, 256, -1, 2**31 - 1, -2**31, 2**31, 2**63 - 1, -2**63], f['numbers']
assert f['tuple'] == (0.1, -math.exp(300.0)) and f['none'] is None and f['bools'] == [True, False]
assert f['text'] == 'r\u00e9seau\nline' and f[''] == {} and f['lists'] == [[], ()]
m = torch.load('ours.pth', weights_only=True, mmap=True)
assert torch.equal(m['state_dict']['large'], s['large'])
with zipfile.ZipFile('ours.pth') as z:
    assert z.testzip() is None
    for i in z.infolist():
        z.fp.seek(i.header_offset + 26)
        n, e = int.from_bytes(z.fp.read(2), 'little'), int.from_bytes(z.fp.read(2), 'little')
        assert (i.header_offset + 30 + n + e) % 64 == 0, i.filename
torch.save(f, 'theirs.pth')
print('done')
)";

void expect_equal(const PyValue& a, const PyValue& b, const std::string& at) {
  ASSERT_EQ(a.data.index(), b.data.index()) << at;
  ASSERT_EQ(a.is_tuple, b.is_tuple) << at;
  if (const auto* list = std::get_if<PyList>(&a.data)) {
    const PyList& other = std::get<PyList>(b.data);
    ASSERT_EQ(list->size(), other.size()) << at;
    for (size_t i = 0; i < other.size(); ++i) expect_equal((*list)[i], other[i], cat(at, "[", i, "]"));
  } else if (const auto* dict = std::get_if<PyDict>(&a.data)) {
    const PyDict& other = std::get<PyDict>(b.data);
    ASSERT_EQ(dict->size(), other.size()) << at;
    for (size_t i = 0; i < other.size(); ++i) {
      ASSERT_EQ((*dict)[i].first, other[i].first) << at;
      expect_equal((*dict)[i].second, other[i].second, cat(at, ".", other[i].first));
    }
  } else if (const auto* tensor = std::get_if<Tensor>(&a.data)) {
    const Tensor& other = std::get<Tensor>(b.data);
    ASSERT_EQ(tensor->type(), other.type()) << at;
    ASSERT_EQ(tensor->shape(), other.shape()) << at;
    ASSERT_EQ(0, std::memcmp(tensor->raw(), other.raw(), other.bytes())) << at;
  } else if (const auto* number = std::get_if<int64_t>(&a.data)) {
    ASSERT_EQ(*number, std::get<int64_t>(b.data)) << at;
  } else if (const auto* real = std::get_if<double>(&a.data)) {
    ASSERT_EQ(*real, std::get<double>(b.data)) << at;
  } else if (const auto* text = std::get_if<std::string>(&a.data)) {
    ASSERT_EQ(*text, std::get<std::string>(b.data)) << at;
  } else if (const auto* yes = std::get_if<bool>(&a.data)) {
    ASSERT_EQ(*yes, std::get<bool>(b.data)) << at;
  }
}

TEST(PthWrite, ReadsBackEqual) {
  const TempFolder folder;
  write_pth(folder / "ours.pth", everything());
  expect_equal(read_pth(folder / "ours.pth"), everything(), "");
}

TEST(PthWrite, SameContentGivesTheSameBytes) {
  const TempFolder folder;
  write_pth(folder / "a.pth", everything());
  write_pth(folder / "b.pth", everything());
  EXPECT_EQ(read_file(folder / "a.pth"), read_file(folder / "b.pth"));
}

TEST(PthWrite, OverwritesTheFileItWasReadFrom) {
  const TempFolder folder;
  write_pth(folder / "a.pth", everything());
  const PyValue mapped = read_pth(folder / "a.pth");
  write_pth(folder / "a.pth", mapped);
  expect_equal(read_pth(folder / "a.pth"), everything(), "");
}

TEST(PthWrite, TensorsOfOneBufferShareTheirRecord) {
  const TempFolder folder;
  const Tensor t = ramp(DType::kF32, {1000});
  PyDict once, twice;
  once.emplace_back("a", PyValue{.data = t});
  twice = once;
  twice.emplace_back("b", PyValue{.data = t});
  write_pth(folder / "once.pth", PyValue{.data = once});
  write_pth(folder / "twice.pth", PyValue{.data = twice});
  EXPECT_LT(std::filesystem::file_size(folder / "twice.pth"), std::filesystem::file_size(folder / "once.pth") + 400);
}

TEST(PthWrite, TextThatPythonCouldNotReadIsRefused) {
  const TempFolder folder;
  EXPECT_THROW(write_pth(folder / "a.pth", PyValue{.data = std::string("\xFF")}), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.pth"));
}

TEST(PthWrite, PythonOpensIt) {
  if (!qat::testing::has_python()) GTEST_SKIP() << "no " << qat::testing::python();
  const TempFolder folder;
  write_pth(folder / "ours.pth", everything());
  ASSERT_EQ(qat::testing::run_python(folder, kScript), "done\n");
  expect_equal(read_pth(folder / "theirs.pth"), everything(), "");
}

}  // namespace
}  // namespace qat::io
