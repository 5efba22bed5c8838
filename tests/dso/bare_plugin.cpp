// A plugin without pyro.
extern "C" __attribute__((visibility("default"))) int dso_bare(int n) {
  volatile int sum = 0;
  for (int i = 0; i < n; ++i) sum = sum + i;
  return sum;
}
