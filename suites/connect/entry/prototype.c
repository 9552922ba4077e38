/* The documented prototype: a compiler refuses this where it is another. */
#include <sys/socket.h>
int (*kconform_connect)(int, const struct sockaddr *, socklen_t) = connect;
