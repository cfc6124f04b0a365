// Loaded into a program under test, this answers its look-ups of host names from the file that PGFLEET_TEST_NAMES names, and
// from nothing else: a name that isn't there isn't found, at once, with or without a network. Each line has an address and a
// name; a name may have several lines. In the place of an address, EAI_AGAIN is a name server that doesn't answer.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_address(const char *name) {
  unsigned char bytes[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static int is_same(const char *name, const char *known) {
  size_t length = strlen(known);
  if (strncasecmp(name, known, length) != 0) return 0;
  return name[length] == '\0' || strcmp(name + length, ".") == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  look_up *system = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
  const char *path = getenv("PGFLEET_TEST_NAMES");
  if (!name || !path || is_address(name) || strcmp(name, "localhost") == 0) {
    return system(name, service, hints, found);
  }
  FILE *file = fopen(path, "r");
  if (!file) return EAI_FAIL;
  *found = NULL;
  struct addrinfo **end = found;
  int answer = EAI_NONAME;
  char address[64], known[256];
  while (fscanf(file, "%63s %255s", address, known) == 2) {
    if (!is_same(name, known)) continue;
    if (strcmp(address, "EAI_AGAIN") == 0) {
      answer = EAI_AGAIN;
    } else if (system(address, service, hints, end) == 0) {
      // glibc frees such a list one by one, so that lists may be joined.
      while (*end) end = &(*end)->ai_next;
      answer = 0;
    }
  }
  fclose(file);
  return answer;
}
