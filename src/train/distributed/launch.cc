// A table of launchers: see launch.h.
#include "train/distributed/launch.h"

#include <cctype>
#include <cstdlib>

#include "base/error.h"

namespace qat::train {

namespace {

constexpr int kMostRanks = 1 << 16;

struct Variables {
  const char *rank, *size, *local_rank, *local_size;
};

constexpr Variables kTorchrun{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"};
constexpr Variables kOpenMpi{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
                             "OMPI_COMM_WORLD_LOCAL_SIZE"};
constexpr Variables kPmi{"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"};
constexpr Variables kSlurm{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"};
constexpr Variables kOldSlurm{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_TASKS_PER_NODE"};

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  const char* text(const char* name) const {
    const char* value = environment_(name);
    return value == nullptr || *value == '\0' ? nullptr : value;
  }

  // "2(x3),1" counts as 2: what SLURM writes of tasks a node.
  int number(const char* name, int least, int most) const {
    const char* value = text(name);
    if (value == nullptr) fail(Code::kUsage, "[distributed] ", name, " is not set; the launcher sets it");
    char* end = nullptr;
    const long parsed = std::strtol(value, &end, 10);
    if (end == value || (*end != '\0' && *end != '(' && *end != ',') || parsed < least || parsed > most) {
      fail(Code::kUsage, "[distributed] expected ", name, " in ", least, " to ", most, ", got '", value, "'");
    }
    return static_cast<int>(parsed);
  }

 private:
  const Environment& environment_;
};

// srun sets the step's variables; a batch script, which is one process, has the job's only.
const Variables* variables_of(const Reader& read) {
  if (read.text(kTorchrun.rank) != nullptr && read.text(kTorchrun.size) != nullptr) return &kTorchrun;
  if (read.text(kOpenMpi.rank) != nullptr) return &kOpenMpi;
  if (read.text(kSlurm.rank) != nullptr && read.text(kSlurm.size) != nullptr) return &kSlurm;
  if (read.text(kOldSlurm.rank) != nullptr && read.text("SLURM_STEP_ID") != nullptr) return &kOldSlurm;
  if (read.text(kPmi.rank) != nullptr && read.text(kPmi.size) != nullptr) return &kPmi;
  return nullptr;
}

// "node[03-05,9],other" -> "node03".
std::string first_host(const std::string& list) {
  const size_t open = list.find('['), comma = list.find(',');
  if (open == std::string::npos || comma < open) return list.substr(0, comma);
  size_t end = open + 1;
  while (end < list.size() && std::isdigit(static_cast<unsigned char>(list[end])) != 0) ++end;
  return list.substr(0, open) + list.substr(open + 1, end - open - 1);
}

void find_meeting_place(const Reader& read, bool slurm, Launch& launch) {
  if (const char* hosts = slurm ? read.text("SLURM_STEP_NODELIST") : nullptr; hosts != nullptr) {
    launch.address = first_host(hosts);
  } else if (launch.local_size != launch.size && read.text("MASTER_ADDR") == nullptr) {
    fail(Code::kUsage, "[distributed] ", launch.size, " ranks on several hosts (", launch.from,
         ") need MASTER_ADDR, the name of rank 0's host");
  }
  if (slurm && read.text("SLURM_JOB_ID") != nullptr) {
    launch.port = 20000 + static_cast<int>(std::strtol(read.text("SLURM_JOB_ID"), nullptr, 10) % 10000);
  }
  if (const char* address = read.text("MASTER_ADDR"); address != nullptr) launch.address = address;
  if (read.text("MASTER_PORT") != nullptr) launch.port = read.number("MASTER_PORT", 1, 65535);
}

}  // namespace

std::optional<Launch> find_launch(const Environment& environment) {
  const Reader read(environment);
  const Variables* names = variables_of(read);
  if (names == nullptr) return std::nullopt;
  Launch launch{.size = read.number(names->size, 1, kMostRanks), .agent_prefix = {}, .from = {}};
  launch.from = std::string(names->rank) + " and " + names->size;
  launch.rank = read.number(names->rank, 0, launch.size - 1);
  if (launch.size == 1) return std::nullopt;
  const bool local = read.text(names->local_rank) != nullptr;
  launch.local_rank = local ? read.number(names->local_rank, 0, kMostRanks) : launch.rank;
  // Without a word of hosts all ranks are on one.
  launch.local_size = launch.size;
  if (read.text(names->local_size) != nullptr) launch.local_size = read.number(names->local_size, 1, kMostRanks);
  if (launch.local_rank >= launch.local_size) launch.local_size = launch.local_rank + 1;
  find_meeting_place(read, names == &kSlurm || names == &kOldSlurm, launch);
  const char* agent = read.text("TORCHELASTIC_USE_AGENT_STORE");
  if (names == &kTorchrun && agent != nullptr && std::string(agent) == "True") {
    const char* attempt = read.text("TORCHELASTIC_RESTART_COUNT");
    launch.agent_prefix = cat("/worker/attempt_", attempt == nullptr ? "0" : attempt);
  }
  return launch;
}

std::optional<Launch> find_launch() {
  return find_launch([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace qat::train
