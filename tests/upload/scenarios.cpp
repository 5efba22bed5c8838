int run_scenario(const char*);
int run_scenario(const char*) { return 2; }
