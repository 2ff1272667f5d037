// safetensors: round trips, Python as judge of the bytes, and headers that must be refused.
#include "io/safetensors/safetensors.h"

#include <cstring>

#include "io/python_judge.h"
#include "io/state_dict.h"

namespace qat::io {
namespace {

using qat::testing::TempFolder;

Source in_memory(const std::string& bytes) {
  // A buffer of exactly this size, so that the sanitizer sees every byte read past it.
  std::shared_ptr<std::byte[]> copy(new std::byte[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return {.bytes = {copy.get(), bytes.size()}, .owner = std::shared_ptr<void>(copy, copy.get())};
}

std::string with_header(const std::string& json, size_t data_bytes) {
  std::string file(8, '\0');
  const uint64_t size = json.size();
  std::memcpy(file.data(), &size, 8);
  return file + json + std::string(data_bytes, '\1');
}

Safetensors all_types() {
  Safetensors content;
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    const auto type = static_cast<DType>(i);
    Tensor t(DType::kF32, {3, 5});
    for (size_t k = 0; k < 15; ++k) t.data<float>()[k] = static_cast<float>(k);
    content.tensors.emplace_back(name_of(type), t.to(type));
  }
  content.tensors.emplace_back("scalar", Tensor::from<float>({2.5f}, {}));
  content.tensors.emplace_back("empty", Tensor(DType::kF32, {0, 4}));
  content.metadata = {{"format", "pt"}, {"quote", "a \"b\"\n"}};
  return content;
}

TEST(Safetensors, ReadsBackEqual) {
  const TempFolder folder;
  const Safetensors content = all_types();
  write_safetensors(folder / "a.safetensors", content);
  const Safetensors back = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(back.metadata, content.metadata);
  ASSERT_EQ(back.tensors.size(), content.tensors.size());
  for (const auto& [name, expected] : content.tensors) {
    const auto same_name = [&name = name](const auto& item) { return item.first == name; };
    const auto found = std::find_if(back.tensors.begin(), back.tensors.end(), same_name);
    ASSERT_NE(found, back.tensors.end()) << name;
    EXPECT_EQ(found->second.type(), expected.type());
    EXPECT_EQ(found->second.shape(), expected.shape());
    EXPECT_EQ(0, std::memcmp(found->second.raw(), expected.raw(), expected.bytes())) << name;
  }
}

TEST(Safetensors, StateDictsAreReadByTheirExtension) {
  const TempFolder folder;
  Safetensors content;
  content.tensors.emplace_back("module.a", Tensor::from<float>({1}, {1}));
  write_safetensors(folder / "a.safetensors", content);
  EXPECT_EQ(read_state_dict(folder / "a.safetensors").at(0).first, "a");
}

TEST(Safetensors, DataAtAnyOffset) {
  const std::string json = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  for (size_t spaces = 0; spaces < 8; ++spaces) {
    const Safetensors content = parse_safetensors(in_memory(with_header(json + std::string(spaces, ' '), 8)));
    uint32_t bits;
    std::memcpy(&bits, content.tensors.at(0).second.raw(), 4);
    EXPECT_EQ(bits, 0x01010101u);
  }
}

TEST(Safetensors, RefusedHeaders) {
  struct Case {
    const char* json;
    size_t data;
    const char* part;
  };
  const std::string deep = "{\"a\":" + std::string(100000, '[');
  const std::vector<Case> cases{
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8, "JSON"},
      {R"( {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, "start with {"},
      {R"([])", 0, "start with {"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
       16, "twice"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, "twice"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}x)", 8, "JSON"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12, "hole"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "expected its data"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
       6, "overlap"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9, "bytes of tensors"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7, "bytes of tensors"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "expected 12 bytes"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "negative"},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "fraction"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8, "overflow"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}})", 8, "overflow"},
      {R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}})", 8, "unexpected"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8, "bytes of tensors"},
      {R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", 2, "not supported"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", 8, "before dtype"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}})", 8, "unexpected"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})", 8, "third offset"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", 8, "no pair"},
      {R"({"a":3})", 0, "a number"},
      {R"({"__metadata__":{"a":{}}})", 0, "an object"},
      {R"({"__metadata__":{"a":"x","a":"y"}})", 0, "twice"},
      {R"({"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[[1]],"data_offsets":[1,5]}})",
       5, "unexpected"},
      {deep.c_str(), 0, "unexpected"},
      {"{\"\xFF\":1}", 0, "JSON"},
  };
  for (const Case& c : cases) {
    try {
      parse_safetensors(in_memory(with_header(c.json, c.data)));
      ADD_FAILURE() << "accepted: " << std::string(c.json).substr(0, 200);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
      EXPECT_NE(std::string(error.what()).find(c.part), std::string::npos) << c.json << "\n" << error.what();
    }
  }
}

TEST(Safetensors, HeadersOver100MbAreRefusedByTheirLengthAlone) {
  std::string file = with_header("{}", 0);
  const uint64_t size = 100'000'001;
  std::memcpy(file.data(), &size, 8);
  EXPECT_THROW(parse_safetensors(in_memory(file)), Error);
}

TEST(Safetensors, BooleansMustBeZeroOrOne) {
  std::string file = with_header(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  EXPECT_EQ(parse_safetensors(in_memory(file)).tensors.size(), 1u);
  file.back() = '\2';
  EXPECT_THROW(parse_safetensors(in_memory(file)), Error);
}

TEST(Safetensors, NamesMustBeWritable) {
  const TempFolder folder;
  for (const char* name : {"\xFF", "__metadata__", "twice"}) {
    Safetensors content;
    content.tensors.emplace_back("twice", Tensor(DType::kF32, {1}));
    content.tensors.emplace_back(name, Tensor(DType::kF32, {1}));
    EXPECT_THROW(write_safetensors(folder / "a.safetensors", content), Error) << name;
  }
}

constexpr const char* kScript = R"(
import json, struct, torch
raw = open('a.safetensors', 'rb').read()
n, = struct.unpack('<Q', raw[:8])
head, data = json.loads(raw[8:8 + n]), raw[8 + n:]
assert n % 8 == 0 and head.pop('__metadata__') == {'format': 'pt', 'quote': 'a "b"\n'}
types = dict(F32=torch.float32, F16=torch.float16, BF16=torch.bfloat16, F64=torch.float64, I8=torch.int8, U8=torch.uint8,
             I16=torch.int16, I32=torch.int32, I64=torch.int64, BOOL=torch.bool)
at = 0
for name, info in head.items():
    begin, end = info['data_offsets']
    assert begin == at; at = end
    if name == 'empty': assert begin == end and info['shape'] == [0, 4]; continue
    t = torch.frombuffer(bytearray(data[begin:end]), dtype=types[info['dtype']]).reshape(info['shape'])
    expected = torch.tensor(2.5) if name == 'scalar' else torch.arange(15).reshape(3, 5).to(t.dtype)
    assert torch.equal(t, expected), name
assert at == len(data) and len(head) == 12
print('done')
)";

TEST(Safetensors, PythonReadsTheBytes) {
  if (!qat::testing::has_python()) GTEST_SKIP() << "no " << qat::testing::python();
  const TempFolder folder;
  write_safetensors(folder / "a.safetensors", all_types());
  EXPECT_EQ(qat::testing::run_python(folder, kScript), "done\n");
}

}  // namespace
}  // namespace qat::io
