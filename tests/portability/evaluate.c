/* Evaluates a farm with the kernel and nothing else, so that it runs wherever the kernel does.
 *
 * usage: evaluate IMAGE ANSWER
 *
 * IMAGE holds the question as it lies in memory, with offsets from its beginning in the place of addresses: three
 * 64-bit numbers (bytes of the image, place of the question in it, count of pointers), the places of the pointers, the
 * image. ANSWER gets the image with the answers filled in. The name of the instruction set goes to the output.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel.h"

typedef struct {
    mpl_setting setting;
    mpl_farm farm;
    mpl_answer answer;
} question;

const char *mpl_isa(void);
int mpl_evaluate(const mpl_setting *, const mpl_farm *, const mpl_answer *);

static void check(int fine, const char *what)
{
    if (fine) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

int main(int n_argument, char **argument)
{
    check(n_argument == 3, "usage: evaluate IMAGE ANSWER");
    FILE *in = fopen(argument[1], "rb"), *out = fopen(argument[2], "wb");
    uint64_t head[3];
    check(in && out && fread(head, sizeof head, 1, in) == 1, "cannot open the files");
    uint64_t *pointer = malloc(head[2] * sizeof *pointer);
    char *image = aligned_alloc(64, head[0]);
    check(pointer && image, "out of memory");
    check(fread(pointer, sizeof *pointer, head[2], in) == head[2], "the image is too short");
    check(fread(image, 1, head[0], in) == head[0], "the image is too short");
    for (uint64_t i = 0; i < head[2]; ++i) *(uint64_t *)(image + pointer[i]) += (uint64_t)(uintptr_t)image;

    const question *asked = (const question *)(image + head[1]);
    check(mpl_evaluate(&asked->setting, &asked->farm, &asked->answer) == 0, "the kernel failed");
    check(fwrite(image, 1, head[0], out) == head[0] && fclose(out) == 0, "cannot write the answer");
    puts(mpl_isa());
    return 0;
}
