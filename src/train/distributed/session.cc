// Joins, runs, leaves: see session.h.
#include "train/distributed/session.h"

#include <algorithm>

#include "base/threads.h"
#include "train/device.h"
#include "train/distributed/agree.h"

namespace qat::train {

namespace {

Session session_of(const config::Options& options, const Report& report, Group& group) {
  Session session{.options = options, .report = report, .group = &group};
  if (options.train.threads == 0) {
    session.options.train.threads = std::max(1, usable_cpus() / group.launch().local_size);
  }
  if (group.rank() != 0) {
    session.report.info = nullptr, session.report.warn = nullptr;
    session.report.progress = nullptr;
  }
  return session;
}

void take_device(const std::string& name, Group& group) {
  agreed(&group, [&] {
    if (DevicePlugin* device = device_plugin(name)) device->use(group.launch().local_rank);
  });
}

}  // namespace

void with_session(const config::Options& options, const Report& report,
                  const std::function<void(const Session&)>& body) {
  const std::optional<Launch> launch = find_launch();
  if (!launch) return body({.options = options, .report = report});
  const std::unique_ptr<Group> group = Group::join(*launch, report.lost);
  try {
    take_device(options.device, *group);
    body(session_of(options, report, *group));
    group->leave();
  } catch (const AgreedError&) {
    group->leave();
    throw;
  } catch (const Error& error) {
    group->fail(error.code());
    throw;
  } catch (...) {
    group->fail(Code::kFailure);
    throw;
  }
}

}  // namespace qat::train
