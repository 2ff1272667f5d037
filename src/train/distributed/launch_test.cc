// What each launcher's variables say.
#include "train/distributed/launch.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace qat::train {
namespace {

std::optional<Launch> launch_of(const std::map<std::string, std::string>& variables) {
  return find_launch([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(const std::map<std::string, std::string>& variables) {
  try {
    launch_of(variables);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUsage);
    return error.what();
  }
  return "";
}

TEST(Launch, NoneWithoutALauncher) {
  EXPECT_FALSE(launch_of({}));
  EXPECT_FALSE(launch_of({{"MASTER_PORT", "1"}, {"LOCAL_RANK", "0"}}));
  EXPECT_FALSE(launch_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
  // A batch script under SLURM is one process, however many tasks the job has.
  EXPECT_FALSE(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "7"}}));
}

TEST(Launch, Torchrun) {
  const auto launch = launch_of({{"RANK", "5"},
                                 {"WORLD_SIZE", "8"},
                                 {"LOCAL_RANK", "1"},
                                 {"LOCAL_WORLD_SIZE", "4"},
                                 {"MASTER_ADDR", "node7"},
                                 {"MASTER_PORT", "4567"},
                                 {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                 {"TORCHELASTIC_RESTART_COUNT", "2"}});
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->rank, 5);
  EXPECT_EQ(launch->size, 8);
  EXPECT_EQ(launch->local_rank, 1);
  EXPECT_EQ(launch->local_size, 4);
  EXPECT_EQ(launch->address, "node7");
  EXPECT_EQ(launch->port, 4567);
  EXPECT_EQ(launch->agent_prefix, "/worker/attempt_2");
}

TEST(Launch, ByHand) {
  const auto launch = launch_of({{"RANK", "1"}, {"WORLD_SIZE", "2"}});
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->local_rank, 1);
  EXPECT_EQ(launch->local_size, 2);
  EXPECT_EQ(launch->address, "127.0.0.1");
  EXPECT_EQ(launch->port, 29500);
  EXPECT_FALSE(launch->agent_prefix);
}

TEST(Launch, Mpirun) {
  const auto open = launch_of({{"OMPI_COMM_WORLD_RANK", "3"},
                               {"OMPI_COMM_WORLD_SIZE", "4"},
                               {"OMPI_COMM_WORLD_LOCAL_RANK", "3"},
                               {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->rank, 3);
  EXPECT_EQ(open->address, "127.0.0.1");
  const auto pmi = launch_of({{"PMI_RANK", "1"},
                              {"PMI_SIZE", "2"},
                              {"MPI_LOCALRANKID", "0"},
                              {"MPI_LOCALNRANKS", "1"},
                              {"MASTER_ADDR", "first"}});
  ASSERT_TRUE(pmi);
  EXPECT_EQ(pmi->local_rank, 0);
  EXPECT_EQ(pmi->address, "first");
}

TEST(Launch, Srun) {
  const auto launch = launch_of({{"SLURM_PROCID", "9"},
                                 {"SLURM_STEP_NUM_TASKS", "16"},
                                 {"SLURM_LOCALID", "1"},
                                 {"SLURM_STEP_TASKS_PER_NODE", "8(x2)"},
                                 {"SLURM_STEP_NODELIST", "gpu[007-008]"},
                                 {"SLURM_JOB_ID", "1234567"}});
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->rank, 9);
  EXPECT_EQ(launch->local_size, 8);
  EXPECT_EQ(launch->address, "gpu007");
  EXPECT_EQ(launch->port, 24567);
  const auto old = launch_of(
      {{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NODELIST", "a,b[1-2]"}});
  ASSERT_TRUE(old);
  EXPECT_EQ(old->address, "a");
}

TEST(Launch, SaysWhichVariableIsWrong) {
  EXPECT_NE(refusal({{"RANK", "2"}, {"WORLD_SIZE", "2"}}).find("expected RANK in 0 to 1"), std::string::npos);
  EXPECT_NE(refusal({{"RANK", "x"}, {"WORLD_SIZE", "2"}}).find("RANK"), std::string::npos);
  EXPECT_NE(refusal({{"OMPI_COMM_WORLD_RANK", "0"}}).find("OMPI_COMM_WORLD_SIZE is not set"), std::string::npos);
  EXPECT_NE(refusal({{"RANK", "0"}, {"WORLD_SIZE", "4"}, {"LOCAL_WORLD_SIZE", "2"}}).find("MASTER_ADDR"),
            std::string::npos);
  EXPECT_NE(refusal({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "70000"}}).find("MASTER_PORT"),
            std::string::npos);
}

}  // namespace
}  // namespace qat::train
