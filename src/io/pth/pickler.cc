// The pickler, and write_pth: see pickler.h and pth.h.
#include "io/pth/pickler.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/file.h"
#include "io/pth/pickle_opcodes.h"
#include "io/pth/zip_writer.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

template <class T>
void append_number(std::string& out, T value, size_t size = sizeof(T)) {
  for (size_t i = 0; i < size; ++i)
    out += static_cast<char>(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
}

void append_code(std::string& out, uint8_t code) { out += static_cast<char>(code); }

const char* storage_class(DType type) {
  switch (type) {
    case DType::kF32:
      return "FloatStorage";
    case DType::kF16:
      return "HalfStorage";
    case DType::kBF16:
      return "BFloat16Storage";
    case DType::kF64:
      return "DoubleStorage";
    case DType::kI8:
      return "CharStorage";
    case DType::kU8:
      return "ByteStorage";
    case DType::kI16:
      return "ShortStorage";
    case DType::kI32:
      return "IntStorage";
    case DType::kI64:
      return "LongStorage";
    case DType::kBool:
      return "BoolStorage";
  }
  return "";
}

// PyTorch's own state dicts are OrderedDicts, other dicts plain ones.
bool is_state_dict(const PyDict& dict) {
  return !dict.empty() && std::all_of(dict.begin(), dict.end(), [](const auto& item) {
    return std::holds_alternative<Tensor>(item.second.data);
  });
}

}  // namespace

std::string Pickler::run(const PyValue& value) {
  append_code(out_, opcode::kProto);
  append_number(out_, uint8_t{2});
  put(value);
  append_code(out_, opcode::kStop);
  return std::move(out_);
}

void Pickler::put(const PyValue& value) {
  struct Visitor {
    Pickler& self;
    bool is_tuple;
    void operator()(std::monostate) const { append_code(self.out_, opcode::kNone); }
    void operator()(bool x) const { append_code(self.out_, x ? opcode::kNewTrue : opcode::kNewFalse); }
    void operator()(int64_t x) const { self.put_int(x); }
    void operator()(double x) const { self.put_float(x); }
    void operator()(const std::string& x) const { self.put_text(x); }
    void operator()(const PyList& x) const { is_tuple ? self.put_tuple(x) : self.put_list(x); }
    void operator()(const PyDict& x) const { self.put_dict(x); }
    void operator()(const Tensor& x) const { self.put_tensor(x); }
  };
  std::visit(Visitor{*this, value.is_tuple}, value.data);
}

void Pickler::put_int(int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<uint8_t>::max()) {
    append_code(out_, opcode::kBinInt1);
    append_number(out_, value, 1);
  } else if (value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max()) {
    append_code(out_, opcode::kBinInt);
    append_number(out_, value, 4);
  } else {
    append_code(out_, opcode::kLong1);
    append_number(out_, uint8_t{8});
    append_number(out_, value);
  }
}

void Pickler::put_float(double value) {
  append_code(out_, opcode::kBinFloat);
  append_number(out_, __builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

void Pickler::put_text(const std::string& text) {
  if (!valid_utf8(text) || text.size() > std::numeric_limits<uint32_t>::max())
    fail(Code::kFailure, "cannot save the text \"", printable(text), "\": it is not UTF-8 or over 4 GiB long");
  append_code(out_, opcode::kBinUnicode);
  append_number(out_, static_cast<uint32_t>(text.size()));
  out_ += text;
}

void Pickler::put_list(const PyList& list) {
  append_code(out_, opcode::kEmptyList);
  if (list.empty()) return;
  append_code(out_, opcode::kMark);
  for (const PyValue& value : list) put(value);
  append_code(out_, opcode::kAppends);
}

void Pickler::put_tuple(const PyList& tuple) {
  append_code(out_, opcode::kMark);
  for (const PyValue& value : tuple) put(value);
  append_code(out_, opcode::kTuple);
}

void Pickler::put_dict(const PyDict& dict) {
  if (is_state_dict(dict)) {
    out_ += "ccollections\nOrderedDict\n)R";
  } else {
    append_code(out_, opcode::kEmptyDict);
  }
  if (dict.empty()) return;
  append_code(out_, opcode::kMark);
  for (const auto& [key, value] : dict) {
    put_text(key);
    put(value);
  }
  append_code(out_, opcode::kSetItems);
}

// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
void Pickler::put_tensor(const Tensor& tensor) {
  QAT_ASSERT(tensor.defined());
  out_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
  put_text("storage");
  out_ += cat("ctorch\n", storage_class(tensor.type()), "\n");
  put_text(std::to_string(storage_of(tensor)));
  put_text("cpu");
  put_int(tensor.size());
  out_ += "tQ";
  put_int(0);
  put_shape(tensor.shape());
  Shape stride(tensor.shape().size());
  int64_t step = 1;
  for (size_t i = stride.size(); i-- > 0;) {
    stride[i] = step;
    if (tensor.size() > 0) step *= tensor.dim(i);  // an empty tensor may have extents that overflow
  }
  put_shape(stride);
  append_code(out_, opcode::kNewFalse);
  out_ += "ccollections\nOrderedDict\n)RtR";
}

void Pickler::put_shape(const Shape& shape) {
  append_code(out_, opcode::kMark);
  for (const int64_t extent : shape) put_int(extent);
  append_code(out_, opcode::kTuple);
}

size_t Pickler::storage_of(const Tensor& tensor) {
  if (tensor.bytes() > 0) {
    const auto [known, added] = known_.try_emplace({tensor.raw(), tensor.bytes(), tensor.type()}, storages_.size());
    if (!added) return known->second;
  }
  storages_.push_back(tensor);
  return storages_.size() - 1;
}

void write_pth(const std::filesystem::path& path, const PyValue& value) {
  Pickler pickler;
  const std::string pickle = pickler.run(value);
  AtomicFile file(path);
  ZipWriter zip(file);
  zip.add("archive/data.pkl", pickle);
  zip.add("archive/.format_version", "1");
  zip.add("archive/.storage_alignment", std::to_string(ZipWriter::kAlignment));
  zip.add("archive/byteorder", "little");
  for (size_t i = 0; i < pickler.storages().size(); ++i) {
    const Tensor& tensor = pickler.storages()[i];
    zip.add(cat("archive/data/", i), {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()});
  }
  zip.add("archive/version", "3\n");
  zip.finish();
  file.commit();
}

}  // namespace qat::io
