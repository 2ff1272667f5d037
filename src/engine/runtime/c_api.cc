// The C API over plans and sessions: exceptions become codes and a text per thread. See qat/engine.h.
#include <new>
#include <string>

#include "base/error.h"
#include "engine/plan/file.h"
#include "engine/runtime/session.h"
#include "qat/engine.h"

struct qat_engine {
  std::shared_ptr<const qat::engine::Plan> plan;
};

struct qat_session {
  qat::engine::Session session;
  std::vector<float*> outputs;
};

namespace {

thread_local std::string last_error;

template <class Body>
qat_status guarded(const Body& body) {
  try {
    last_error.clear();
    body();
    return QAT_OK;
  } catch (const qat::Error& error) {
    last_error = error.what();
    return static_cast<qat_status>(error.code());
  } catch (const std::bad_alloc&) {
    last_error = "out of memory; use a smaller batch or image";
    return QAT_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    last_error = error.what();
    return QAT_FAILURE;
  }
}

void need(const void* pointer, const char* what) {
  if (pointer == nullptr) qat::fail(qat::Code::kUsage, what, " is null");
}

// Checks a run's arguments and sets session->outputs.
void prepare_run(qat_session* session, const void* const* inputs, void* const* outputs) {
  need(session, "session"), need(inputs, "inputs"), need(outputs, "outputs"), need(inputs[0], "input 0");
  for (size_t i = 0; i < session->outputs.size(); ++i) {
    need(outputs[i], "an output");
    session->outputs[i] = static_cast<float*>(outputs[i]);
  }
}

}  // namespace

extern "C" {

const char* qat_last_error(void) { return last_error.c_str(); }

qat_status qat_engine_load(const char* path, qat_engine** engine) {
  return guarded([&] {
    need(path, "path"), need(engine, "engine");
    *engine = nullptr;
    *engine = new qat_engine{std::make_shared<const qat::engine::Plan>(qat::engine::load_plan(path))};
  });
}

void qat_engine_free(qat_engine* engine) { delete engine; }

size_t qat_engine_inputs(const qat_engine* engine) { return engine == nullptr ? 0 : 1; }
size_t qat_engine_outputs(const qat_engine* engine) { return engine == nullptr ? 0 : engine->plan->outputs.size(); }

qat_status qat_engine_input(const qat_engine* engine, size_t index, qat_binding* binding) {
  return guarded([&] {
    need(engine, "engine"), need(binding, "binding");
    if (index != 0) qat::fail(qat::Code::kUsage, "input ", index, " of 1");
    const qat::engine::Plan& plan = *engine->plan;
    const bool pictures = plan.input_mode == qat::engine::InputMode::kU8Nhwc;
    *binding = {plan.input.name.c_str(), pictures ? QAT_U8 : QAT_F32, pictures ? QAT_NHWC : QAT_NCHW, {}, {}, {}};
    for (size_t i = 0; i < 4; ++i) {
      binding->min[i] = plan.profile.min[i];
      binding->opt[i] = plan.profile.opt[i];
      binding->max[i] = plan.profile.max[i];
    }
  });
}

qat_status qat_engine_output(const qat_engine* engine, size_t index, qat_binding* binding) {
  return guarded([&] {
    need(engine, "engine"), need(binding, "binding");
    const auto& outputs = engine->plan->outputs;
    if (index >= outputs.size()) qat::fail(qat::Code::kUsage, "output ", index, " of ", outputs.size());
    *binding = {outputs[index].name.c_str(), QAT_F32, outputs[index].rank == 2 ? QAT_NC : QAT_NCHW, {}, {}, {}};
  });
}

qat_device qat_engine_device(const qat_engine* engine) {
  return engine != nullptr && engine->plan->device == qat::engine::Device::kCuda ? QAT_CUDA : QAT_CPU;
}

const char* qat_engine_metadata(const qat_engine* engine, const char* key) {
  if (engine == nullptr || key == nullptr) return nullptr;
  if (std::string_view(key) == "precision") return engine->plan->precision.c_str();
  const auto found = engine->plan->metadata.find(key);
  return found == engine->plan->metadata.end() ? nullptr : found->second.c_str();
}

qat_status qat_session_create(const qat_engine* engine, int threads, qat_session** session) {
  return guarded([&] {
    need(engine, "engine"), need(session, "session");
    *session = nullptr;
    if (threads < 0) qat::fail(qat::Code::kUsage, "threads: expected 0 or more, got ", threads);
    *session = new qat_session{qat::engine::Session(engine->plan, {.threads = threads}),
                               std::vector<float*>(engine->plan->outputs.size())};
  });
}

void qat_session_free(qat_session* session) { delete session; }

qat_status qat_session_set_shape(qat_session* session, const int64_t shape[4]) {
  return guarded([&] {
    need(session, "session"), need(shape, "shape");
    session->session.bind({shape[0], shape[1], shape[2], shape[3]});
  });
}

qat_status qat_session_output_shape(const qat_session* session, size_t index, int64_t shape[4]) {
  return guarded([&] {
    need(session, "session"), need(shape, "shape");
    if (index >= session->outputs.size())
      qat::fail(qat::Code::kUsage, "output ", index, " of ", session->outputs.size());
    const std::vector<int64_t> extents = session->session.output_shape(index);
    for (size_t i = 0; i < 4; ++i) shape[i] = i < extents.size() ? extents[i] : 1;
  });
}

qat_status qat_session_run(qat_session* session, const void* const* inputs, void* const* outputs) {
  return guarded([&] {
    prepare_run(session, inputs, outputs);
    session->session.run(inputs[0], session->outputs);
  });
}

qat_status qat_session_run_device(qat_session* session, const void* const* inputs, void* const* outputs, void* stream) {
  return guarded([&] {
    prepare_run(session, inputs, outputs);
    session->session.run_device(inputs[0], session->outputs, stream);
  });
}

}  // extern "C"
