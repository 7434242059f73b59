#include "folder.h"

#include <ftw.h>
#include <sys/stat.h>

#include "test.h"

bool
folder_make(Folder *folder)
{
	const char *parent = getenv("TMPDIR");

	snprintf(folder->path, sizeof(folder->path), "%s/angle-test-XXXXXX",
			 parent != NULL ? parent : "/tmp");
	if (mkdtemp(folder->path) != NULL)
		return true;
	test_fail(__FILE__, __LINE__, "could not make folder %s", folder->path);
	return false;
}

void
folder_write(const Folder *folder, const char *path, const void *content,
			 size_t size)
{
	char whole[1024];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", folder->path, path);
	for (char *slash = whole + strlen(folder->path) + 1;
		 (slash = strchr(slash, '/')) != NULL; slash++)
	{
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "wb");
	if (file == NULL || fwrite(content, 1, size, file) != size)
		test_fail(__FILE__, __LINE__, "could not write %s", whole);
	if (file != NULL)
		fclose(file);
}

void
folder_text(const Folder *folder, const char *path, const char *text)
{
	folder_write(folder, path, text, strlen(text));
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

void
folder_remove(const Folder *folder)
{
	nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
