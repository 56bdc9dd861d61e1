}
do_a()
{
    b
}
