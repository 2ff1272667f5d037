// TCPStore and Gloo: see train/distributed/group.h.
#include <cstdlib>

#include "train/distributed/c10d/group_impl.h"

namespace qat::train {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMeeting{300'000};          // for all ranks to come
constexpr milliseconds kCollective{1'800'000};     // rank 0 may be writing to a slow disk
constexpr milliseconds kForever{315'360'000'000};  // ten years
constexpr milliseconds kUntilALossIsNoticed{1'000};

std::string first_line(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch != nullptr ? torch->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

template <class Body>
auto named(const char* what, const Launch& launch, const Body& body) {
  try {
    return body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(Code::kFailure, "[rank ", launch.rank, "] ", what, ": ", first_line(error));
  }
}

c10::intrusive_ptr<c10d::Store> meet(const Launch& launch) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = launch.rank == 0 && !launch.agent_prefix;
  options.numWorkers = static_cast<size_t>(launch.size);
  options.waitWorkers = false;
  options.timeout = kMeeting;
  c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  if (launch.agent_prefix) store = c10::make_intrusive<c10d::PrefixStore>(*launch.agent_prefix, store);
  return store;
}

c10::intrusive_ptr<c10d::ProcessGroupGloo> make_gloo(Group::Impl& impl, const char* name, milliseconds timeout) {
  const Launch& launch = impl.launch;
  auto options = c10d::ProcessGroupGloo::Options::create(kMeeting);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  const bool one_host = launch.local_size == launch.size;
  options->devices = {interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                      : one_host           ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                           : c10d::ProcessGroupGloo::createDefaultDevice()};
  auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(impl.store_for(name), launch.rank, launch.size, options);
  gloo->setTimeout(timeout);
  return gloo;
}

template <class T>
void reduce(Group::Impl& impl, std::span<T> values, at::ScalarType type, c10d::ReduceOp::RedOpType op) {
  if (values.empty()) return;
  named("all-reduce", impl.launch, [&] {
    std::vector<at::Tensor> tensors{
        at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::TensorOptions().dtype(type))};
    c10d::AllreduceOptions options;
    options.reduceOp = op;
    impl.gloo->allreduce(tensors, options)->wait();
  });
}

}  // namespace

Group::Group(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Group::~Group() {
  if (impl_ != nullptr && impl_->watch != nullptr) fail(Code::kFailure);
}

std::unique_ptr<Group> Group::join(const Launch& launch, OnLost lost) {
  auto impl = std::make_unique<Impl>();
  impl->launch = launch;
  return named("cannot meet the other ranks", launch, [&] {
    impl->store = meet(launch);
    const auto gloo = make_gloo(*impl, "gloo", kCollective);
    impl->gloo = gloo;
    impl->ranks = c10::make_intrusive<c10d::ProcessGroup>(impl->store, launch.rank, launch.size);
    impl->ranks->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, impl->gloo);
    impl->watch = std::make_unique<Watch>(make_gloo(*impl, "watch", kForever), launch, std::move(lost));
    return std::unique_ptr<Group>(new Group(std::move(impl)));
  });
}

const Launch& Group::launch() const { return impl_->launch; }

void Group::sum(std::span<double> values) { reduce(*impl_, values, at::kDouble, c10d::ReduceOp::SUM); }
void Group::sum(std::span<float> values) { reduce(*impl_, values, at::kFloat, c10d::ReduceOp::SUM); }
void Group::sum(std::span<int64_t> values) { reduce(*impl_, values, at::kLong, c10d::ReduceOp::SUM); }
void Group::largest(std::span<float> values) { reduce(*impl_, values, at::kFloat, c10d::ReduceOp::MAX); }
void Group::largest(std::span<int64_t> values) { reduce(*impl_, values, at::kLong, c10d::ReduceOp::MAX); }

void Group::broadcast(std::vector<uint8_t>& bytes, int root) {
  int64_t size = rank() == root ? static_cast<int64_t>(bytes.size()) : 0;
  largest(std::span<int64_t>(&size, 1));
  bytes.resize(static_cast<size_t>(size));
  if (size == 0) return;
  named("broadcast", impl_->launch, [&] {
    std::vector<at::Tensor> tensors{at::from_blob(bytes.data(), {size}, at::TensorOptions().dtype(at::kByte))};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    impl_->gloo->broadcast(tensors, options)->wait();
  });
}

void Group::leave() {
  impl_->watch->say(Watch::Word::kBye, Code::kOk);
  impl_->watch->wait_for_byes();
  impl_->watch.reset();
}

void Group::fail(Code code) {
  // Collectives under way wait for ranks that will not come any more: what they hold stays until the process ends.
  Watch& watch = *impl_.release()->watch;
  while (watch.lost_one(kUntilALossIsNoticed) && watch.ends_the_process()) {
    std::this_thread::sleep_for(kUntilALossIsNoticed);
  }
  watch.say(Watch::Word::kFailed, code);
}

}  // namespace qat::train
