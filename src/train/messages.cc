// Formatting only: see messages.h.
#include "train/messages.h"

#include <iomanip>
#include <sstream>

#include "base/text.h"

namespace qat::train {

std::string fixed_text(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string minutes_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  return cat(s / 60, ":", s % 60 < 10 ? "0" : "", s % 60);
}

std::string progress_text(const Progress& p) {
  return cat("loss ", fixed_text(p.loss, 3), "  top-1 ", fixed_text(p.top1, 2), " %  ",
             fixed_text(p.images_per_second, 0), " images/s  ", minutes_text(p.seconds_left), " left");
}

std::string left_out_text(int64_t images, int64_t batch) {
  const int64_t rest = images % batch;
  if (rest == 0 || images < batch) return "";
  return cat("an epoch has whole steps of ", batch, " images (TRAIN.BATCH): ", rest,
             rest == 1 ? " image is" : " images are", " left out, others in each epoch");
}

std::string continuing_text(const TrainingState& state, int64_t epochs, int64_t batches) {
  const std::string place = state.next_batch < batches ? cat("step ", state.next_batch + 1, " of ", batches)
                                                       : std::string("the evaluation after its last step");
  return cat("continuing in epoch ", state.epoch + 1, " of ", epochs, " with ", place,
             " (steps done in all epochs: ", state.step, ")");
}

std::string epoch_text(const EpochMetrics& m, int64_t epochs, double best_top1) {
  return cat("epoch ", m.epoch, "/", epochs, "  loss ", fixed_text(m.train_loss, 4), "  train ",
             fixed_text(m.train_top1, 2), " %  top-1 ", fixed_text(m.top1, 2), " %  best ", fixed_text(best_top1, 2),
             " %  lr ", m.lr, "  ", fixed_text(m.images_per_second, 0), " images/s");
}

}  // namespace qat::train
