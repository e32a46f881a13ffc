# Trefoil.
#
#   make              build/trefoil and build/cloudsim (also: all)
#   make check        builds and runs every test that needs no other registry; T=azure runs those whose path matches
#   make check SAN=address,undefined      the same with sanitizers (thread, ...); each set has a build folder of its own
#   make check-unit   the same without tests/e2e; check-threads: what runs several threads of ours, under SAN=thread
#   make demo         cloudsim and Trefoil on loopback, and what to open
#   make conformance  the clouds' official SDKs against cloudsim (npm registry)
#   make fuzz         every fuzz target for FUZZ_S seconds (clang); T=journal one of them
#   make lint         formatting, clang-tidy, cppcheck, the direction of includes
#   make bench        ratios against a limit measured in the same run
.PHONY: help all check check-unit check-threads programs fuzz fuzz-run conformance demo bench lint format install clean
