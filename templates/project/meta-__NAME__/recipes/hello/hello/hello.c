/* The source of that recipe: a program that says hello. */
#include <stdio.h>

int main(void)
{
    puts("hello from the extension");
    return 0;
}
