#include <cstdio>

int main() {
  std::puts("embedtool");
  return 0;
}
