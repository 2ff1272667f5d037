// Files that Python's torch writes, read by us: every dtype, views, nesting, protocols, and what is refused.
#include <chrono>
#include <numeric>

#include "io/pth/pth.h"
#include "io/python_judge.h"
#include "io/state_dict.h"

namespace qat::io {
namespace {

using qat::testing::TempFolder;

constexpr const char* kScript = R"(
import argparse, collections, io, sys, zipfile
import torch, torchvision

x = torch.arange(2 * 3 * 4 * 5)
base = (x * 3 - 7).float()
dtypes = dict(f32=torch.float32, f16=torch.float16, bf16=torch.bfloat16, f64=torch.float64, i8=torch.int8,
              u8=torch.uint8, i16=torch.int16, i32=torch.int32, i64=torch.int64)
all_types = {name: (torch.arange(11) * 3 - 7).abs().to(t).reshape(11, 1) for name, t in dtypes.items()}
all_types['bool'] = torch.arange(11) % 3 == 0
torch.save(all_types, 'dtypes.pth')
t = base.reshape(2, 3, 4, 5)
torch.save({'plain': t, 'transposed': t.transpose(1, 3), 'last': t.contiguous(memory_format=torch.channels_last),
            'narrow': t[:, 1:], 'step': base[1::7], 'expanded': base[2:5].expand(4, 3), 'scalar': base[9],
            'none': torch.zeros(0, 3), 'one': base[5:6].reshape(1, 1, 1), 'half': t[1]}, 'views.pth')
shared = torch.ones(6)
torch.save({'a': shared, 'b': shared, 'c': shared[2:4], 'p': torch.nn.Parameter(shared * 2)}, 'shared.pth')
torch.save({'epoch': 12, 'lr': 0.1, 'big': 2 ** 40, 'minus': -5, 'name': 'r\u00e9seau', 'none': None, 'yes': True, 'no': False,
            'list': [1, [2.5, 'x'], ()], 'tuple': (1, 2, 3, 4), 'size': torch.Size([2, 3]), 'state': {0: {'step': 3}},
            'dtype': torch.float32,
            'milestones': collections.Counter([30, 30, 60]), 'long': list(range(2000))}, 'plain.pth')
for protocol in (2, 3, 4, 5):
    torch.save({'w': base, 'k': 'text', 'n': [1, -70000, 1 << 35]}, f'protocol{protocol}.pth', pickle_protocol=protocol)
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
torch.save(model.state_dict(), 'model.pth')
torch.save({'model': torch.nn.DataParallel(model).state_dict(), 'epoch': 3}, 'parallel.pth')
torch.save({'state_dict': {'_orig_mod.' + k: v for k, v in model.state_dict().items()}}, 'compiled.pth')
torch.save(model.state_dict(), 'legacy.pth', _use_new_zipfile_serialization=False)
torch.save({'model': model.state_dict(), 'args': argparse.Namespace(lr=1)}, 'namespace.pth')
torch.save(model, 'whole.pth')
torch.save({'x': 2 ** 80}, 'bigint.pth')
torch.save({(1, 2): 3}, 'tuplekey.pth')
torch.save({'x': torch.zeros(3).to(torch.float8_e4m3fn)}, 'float8.pth')
torch.save({'x': torch.zeros(3, dtype=torch.complex64)}, 'complex.pth')
torch.jit.save(torch.jit.script(model), 'script.pth')
deep = []
for _ in range(200): deep = [deep]
torch.save(deep, 'deep.pth')
cycle = []; cycle.append(cycle)
torch.save({'x': cycle}, 'cycle.pth')
with zipfile.ZipFile('model.pth') as old, zipfile.ZipFile('deflated.pth', 'w', zipfile.ZIP_DEFLATED) as new:
    for info in old.infolist(): new.writestr(info.filename, old.read(info))
with zipfile.ZipFile('model.pth') as old, zipfile.ZipFile('restored.pth', 'w', zipfile.ZIP_STORED) as new:
    for info in old.infolist(): new.writestr(info.filename, old.read(info))
with zipfile.ZipFile('model.pth') as old, zipfile.ZipFile('big_endian.pth', 'w', zipfile.ZIP_STORED) as new:
    for info in old.infolist():
        new.writestr(info.filename, b'big' if info.filename.endswith('byteorder') else old.read(info))
torch.manual_seed(1)
net = torchvision.models.resnet18().state_dict()
torch.save(net, 'resnet18.pth')
torch.save({k: [list(v.shape), v.double().sum().item()] for k, v in net.items()}, 'resnet18_sums.pth')
torch.serialization.set_crc32_options(False)
torch.save(model.state_dict(), 'no_crc.pth')
print('done')
)";

// Python runs once for all tests.
class TorchFiles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!qat::testing::has_python()) return;
    folder_ = std::make_unique<TempFolder>();
    output_ = qat::testing::run_python(*folder_, kScript);
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (!folder_) GTEST_SKIP() << "no " << qat::testing::python();
    ASSERT_TRUE(output_.ends_with("done\n")) << output_;
  }
  static PyValue read(const std::string& name) { return read_pth(*folder_ / name); }

  static std::string error_of(const std::string& name) {
    try {
      read_pth(*folder_ / name);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
      return error.what();
    }
    ADD_FAILURE() << name << " was accepted";
    return "";
  }

  static inline std::unique_ptr<TempFolder> folder_;
  static inline std::string output_;
};

const Tensor& tensor(const PyValue& value, const std::string& key) {
  const PyValue* found = value.find(key);
  QAT_ASSERT(found != nullptr);
  return std::get<Tensor>(found->data);
}

double base(int64_t i) { return static_cast<double>(i * 3 - 7); }

TEST_F(TorchFiles, EveryDtype) {
  const PyValue file = read("dtypes.pth");
  for (const char* name : {"f32", "f16", "bf16", "f64", "i8", "u8", "i16", "i32", "i64"}) {
    const Tensor& t = tensor(file, name);
    EXPECT_EQ(name_of(t.type()), name);
    EXPECT_EQ(t.shape(), (Shape{11, 1}));
    const Tensor wide = t.to(DType::kF64);
    for (int64_t i = 0; i < 11; ++i) EXPECT_EQ(wide.data<double>()[static_cast<size_t>(i)], std::abs(base(i))) << name;
  }
  const auto bools = tensor(file, "bool").data<bool>();
  for (size_t i = 0; i < 11; ++i) EXPECT_EQ(bools[i], i % 3 == 0);
}

TEST_F(TorchFiles, Views) {
  const PyValue file = read("views.pth");
  const auto at = [](const Tensor& t, std::initializer_list<int64_t> index) {
    int64_t flat = 0;
    size_t axis = 0;
    for (const int64_t i : index) flat = flat * t.dim(axis++) + i;
    return t.data<float>()[static_cast<size_t>(flat)];
  };
  EXPECT_EQ(tensor(file, "transposed").shape(), (Shape{2, 5, 4, 3}));
  EXPECT_EQ(tensor(file, "narrow").shape(), (Shape{2, 2, 4, 5}));
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t h = 0; h < 4; ++h) {
        for (int64_t w = 0; w < 5; ++w) {
          const double expected = base(((n * 3 + c) * 4 + h) * 5 + w);
          ASSERT_EQ(at(tensor(file, "plain"), {n, c, h, w}), expected);
          ASSERT_EQ(at(tensor(file, "last"), {n, c, h, w}), expected);
          ASSERT_EQ(at(tensor(file, "transposed"), {n, w, h, c}), expected);
          if (c > 0) {
            EXPECT_EQ(at(tensor(file, "narrow"), {n, c - 1, h, w}), expected);
          }
          if (n == 1) {
            EXPECT_EQ(at(tensor(file, "half"), {c, h, w}), expected);
          }
        }
      }
    }
  }
  EXPECT_EQ(tensor(file, "step").shape(), (Shape{17}));
  for (int64_t i = 0; i < 17; ++i) EXPECT_EQ(at(tensor(file, "step"), {i}), base(1 + 7 * i));
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(at(tensor(file, "expanded"), {i / 3, i % 3}), base(2 + i % 3));
  EXPECT_EQ(tensor(file, "scalar").shape(), Shape{});
  EXPECT_EQ(tensor(file, "scalar").data<float>()[0], base(9));
  EXPECT_EQ(tensor(file, "none").shape(), (Shape{0, 3}));
  EXPECT_EQ(tensor(file, "one").data<float>()[0], base(5));
}

TEST_F(TorchFiles, SharedStorageIsSharedAndWritable) {
  PyValue file = read("shared.pth");
  Tensor a = tensor(file, "a");
  EXPECT_EQ(a.raw(), tensor(file, "b").raw());
  a.data<float>()[3] = 9;  // copy on write: memory, never the file
  EXPECT_EQ(tensor(file, "c").data<float>()[1], 9);
  EXPECT_EQ(tensor(file, "p").data<float>()[5], 2);
  EXPECT_EQ(tensor(read("shared.pth"), "a").data<float>()[3], 1);
}

TEST_F(TorchFiles, PlainValues) {
  const PyValue file = read("plain.pth");
  EXPECT_EQ(std::get<int64_t>(file.find("epoch")->data), 12);
  EXPECT_EQ(std::get<double>(file.find("lr")->data), 0.1);
  EXPECT_EQ(std::get<int64_t>(file.find("big")->data), int64_t{1} << 40);
  EXPECT_EQ(std::get<int64_t>(file.find("minus")->data), -5);
  EXPECT_EQ(std::get<std::string>(file.find("name")->data), "r\xC3\xA9seau");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(file.find("none")->data));
  EXPECT_TRUE(std::get<bool>(file.find("yes")->data));
  EXPECT_FALSE(std::get<bool>(file.find("no")->data));
  const PyList& list = std::get<PyList>(file.find("list")->data);
  EXPECT_EQ(std::get<double>(std::get<PyList>(list.at(1).data).at(0).data), 2.5);
  EXPECT_TRUE(list.at(2).is_tuple);
  EXPECT_FALSE(file.find("list")->is_tuple);
  EXPECT_EQ(std::get<PyList>(file.find("tuple")->data).size(), 4u);
  EXPECT_EQ(std::get<int64_t>(std::get<PyList>(file.find("size")->data).at(1).data), 3);
  EXPECT_EQ(std::get<int64_t>(file.find("state")->find("0")->find("step")->data), 3);
  EXPECT_EQ(std::get<int64_t>(file.find("milestones")->find("30")->data), 2);
  EXPECT_EQ(std::get<int64_t>(std::get<PyList>(file.find("long")->data).at(1999).data), 1999);
  EXPECT_EQ(std::get<std::string>(file.find("dtype")->data), "torch.float32");
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST_F(TorchFiles, PickleProtocols) {
  for (const char* name : {"protocol2.pth", "protocol3.pth", "protocol4.pth", "protocol5.pth"}) {
    const PyValue file = read(name);
    EXPECT_EQ(tensor(file, "w").data<float>()[119], base(119)) << name;
    EXPECT_EQ(std::get<std::string>(file.find("k")->data), "text");
    EXPECT_EQ(std::get<int64_t>(std::get<PyList>(file.find("n")->data).at(1).data), -70000);
    EXPECT_EQ(std::get<int64_t>(std::get<PyList>(file.find("n")->data).at(2).data), int64_t{1} << 35);
  }
}

TEST_F(TorchFiles, ArchivesOfOtherZipTools) {
  EXPECT_EQ(read("restored.pth").find("0.weight")->data.index(), read("model.pth").find("0.weight")->data.index());
  EXPECT_EQ(tensor(read("no_crc.pth"), "0.weight").shape(), (Shape{4, 3, 3, 3}));
}

TEST_F(TorchFiles, RefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"legacy.pth", "older format"},
      {"namespace.pth", "argparse.Namespace"},
      {"whole.pth", "torch.nn.modules.container.Sequential"},
      {"bigint.pth", "integer of"},
      {"tuplekey.pth", "neither a string nor an integer"},
      {"float8.pth", "torch._utils._rebuild_tensor_v3"},
      {"complex.pth", "torch.ComplexFloatStorage"},
      {"script.pth", "TorchScript"},
      {"deep.pth", "nested deeper"},
      {"cycle.pth", "nested deeper"},
      {"deflated.pth", "compressed"},
      {"big_endian.pth", "big-endian"},
  };
  for (const auto& [name, part] : cases) EXPECT_NE(error_of(name).find(part), std::string::npos) << error_of(name);
}

TEST_F(TorchFiles, Resnet18) {
  const auto begin = std::chrono::steady_clock::now();
  const StateDict state = read_state_dict(*folder_ / "resnet18.pth");
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  size_t bytes = 0;
  const PyValue sums = read("resnet18_sums.pth");
  EXPECT_EQ(state.size(), std::get<PyDict>(sums.data).size());
  for (const auto& [name, tensor] : state) {
    bytes += tensor.bytes();
    const PyList& expected = std::get<PyList>(sums.find(name)->data);
    const Tensor wide = tensor.to(DType::kF64);
    const double sum = std::accumulate(wide.data<double>().begin(), wide.data<double>().end(), 0.0);
    EXPECT_NEAR(sum, std::get<double>(expected.at(1).data), 1e-6) << name;
    Shape shape;
    for (const PyValue& extent : std::get<PyList>(expected.at(0).data)) shape.push_back(std::get<int64_t>(extent.data));
    EXPECT_EQ(tensor.shape(), shape) << name;
  }
  EXPECT_GT(bytes, size_t{46'000'000});
  std::printf("           resnet18: %.1f MB mapped and checked in %.1f ms\n", static_cast<double>(bytes) / 1e6,
              took.count());
}

TEST_F(TorchFiles, StateDictsAreFound) {
  const StateDict plain = read_state_dict(*folder_ / "model.pth");
  for (const char* name : {"parallel.pth", "compiled.pth"}) {
    const StateDict found = read_state_dict(*folder_ / name);
    ASSERT_EQ(found.size(), plain.size());
    for (size_t i = 0; i < plain.size(); ++i) {
      EXPECT_EQ(found[i].first, plain[i].first);
      EXPECT_EQ(found[i].second.shape(), plain[i].second.shape());
    }
  }
}

}  // namespace
}  // namespace qat::io
