/* A responder on libfcgi: echoes NAME, the length of its input and the input. */
#include <fcgi_stdio.h>
#include <stdlib.h>

int main(void)
{
	while (FCGI_Accept() >= 0) {
		const char *name = getenv("NAME");
		const char *len = getenv("CONTENT_LENGTH");
		char buf[8192];
		size_t n, all = 0, want = len ? strtoul(len, NULL, 10) : 0;

		printf("Status: 200 OK\r\n\r\n%s %lu:", name ? name : "", (unsigned long)want);
		while (all < want && (n = fread(buf, 1, sizeof buf, stdin)) > 0) {
			all += n;
			fwrite(buf, 1, n, stdout);
		}
		if (name && name[0] == 'e')
			fprintf(stderr, "complaint");
		FCGI_SetExitStatus(7);
	}
	return 0;
}
