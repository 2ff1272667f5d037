// qat: the executable; run.h has the command line.
#include "cli/interrupt.h"
#include "cli/run.h"

int main(int argc, char** argv) {
  qat::cli::watch_signals();
  return qat::cli::run(argc, argv);
}
