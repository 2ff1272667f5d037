// Who started this process, and which of how many it is: read from the variables of torchrun, mpirun and srun.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace qat::train {

// A rank is a process of a run on several; ranks count from 0.
struct Launch {
  int rank = 0, size = 1;              // of all
  int local_rank = 0, local_size = 1;  // of those on this host
  std::string address = "127.0.0.1";   // where the ranks meet: a host of rank 0
  int port = 29500;
  // torchrun itself listens there: nobody else may, and what is written begins with this.
  std::optional<std::string> agent_prefix;
  std::string from;  // "RANK and WORLD_SIZE", for messages
};

// getenv: nullptr where a variable is not set.
using Environment = std::function<const char*(const char*)>;

// Nothing where there is one process only. The first that is there:
//   RANK, WORLD_SIZE (torchrun, or set by hand), LOCAL_RANK, LOCAL_WORLD_SIZE;
//   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE (Open MPI);
//   PMI_RANK, PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS (MPICH, Intel MPI);
//   SLURM_PROCID, SLURM_LOCALID and SLURM_STEP_NUM_TASKS, or SLURM_NTASKS within a step (srun).
// MASTER_ADDR and MASTER_PORT say where the ranks meet. Without them: the first host of srun's step and a port of the
// job's; else this host, where all ranks are on it. Throws Error(kUsage) naming the variable that is missing or wrong.
std::optional<Launch> find_launch(const Environment& environment);

// find_launch(getenv).
std::optional<Launch> find_launch();

}  // namespace qat::train
