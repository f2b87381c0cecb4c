/* An authorizer and a filter on libfcgi: what the program does is up to its role. */
#include <ctype.h>
#include <fcgiapp.h>
#include <string.h>

static const char *param(FCGX_Request *r, const char *name)
{
	const char *value = FCGX_GetParam(name, r->envp);
	return value ? value : "";
}

static void authorize(FCGX_Request *r)
{
	if (strcmp(param(r, "HTTP_AUTHORIZATION"), "Basic am9lOnB3") == 0)
		FCGX_FPrintF(r->out, "Status: 200 OK\r\nVariable-REMOTE_USER: joe\r\nVariable-LENGTH: %s.\r\n\r\nnot for clients",
			param(r, "CONTENT_LENGTH"));
	else
		FCGX_FPrintF(r->out, "Status: 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"here\"\r\n"
			"Content-Type: text/plain\r\n\r\nwho asks for %s?", param(r, "DOCUMENT_URI"));
}

static void filter(FCGX_Request *r)
{
	char b[4096];
	int i, n;
	long in = 0;

	while ((n = FCGX_GetStr(b, sizeof b, r->in)) > 0)
		in += n;
	if (strcmp(param(r, "HTTP_IF_MODIFIED_SINCE"), "") != 0) {
		FCGX_FPrintF(r->out, "Status: 304 Not Modified\r\n\r\n"); /* the file is not read */
		return;
	}
	FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\nstart %d, in %ld, length %s, time %s:", FCGX_StartFilterData(r->in),
		in, param(r, "FCGI_DATA_LENGTH"), param(r, "FCGI_DATA_LAST_MOD"));
	while ((n = FCGX_GetStr(b, sizeof b, r->in)) > 0) {
		for (i = 0; i < n; i++)
			b[i] = toupper((unsigned char)b[i]);
		FCGX_PutStr(b, n, r->out);
	}
}

int main(void)
{
	FCGX_Request r;

	FCGX_Init();
	FCGX_InitRequest(&r, 0, 0);
	while (FCGX_Accept_r(&r) >= 0) {
		if (strcmp(param(&r, "FCGI_ROLE"), "AUTHORIZER") == 0)
			authorize(&r);
		else if (strcmp(param(&r, "FCGI_ROLE"), "FILTER") == 0)
			filter(&r);
	}
	return 0;
}
