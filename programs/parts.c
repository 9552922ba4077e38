/*** base: ***/
/* What the row saw at a step, and what comes here. */
static int parted;        /* the first step that came otherwise than in the row */

static const char *errno_name(int code)
{
	static const struct { int code; const char *name; } known[] = {
#define NAME(code) { code, #code },
		NAME(EPERM) NAME(ENOENT) NAME(EINTR) NAME(EIO) NAME(ENXIO) NAME(EBADF) NAME(EAGAIN) NAME(ENOMEM) NAME(EACCES)
		NAME(EFAULT) NAME(EBUSY) NAME(EEXIST) NAME(ENODEV) NAME(ENOTDIR) NAME(EISDIR) NAME(EINVAL) NAME(ENFILE)
		NAME(EMFILE) NAME(ENOSPC) NAME(EROFS) NAME(EPIPE) NAME(ERANGE) NAME(ENAMETOOLONG) NAME(ENOSYS) NAME(ELOOP)
		NAME(EPROTO) NAME(EBADMSG) NAME(EOVERFLOW) NAME(ENOTSOCK) NAME(EDESTADDRREQ) NAME(EMSGSIZE) NAME(EPROTOTYPE)
		NAME(ENOPROTOOPT) NAME(EPROTONOSUPPORT) NAME(ESOCKTNOSUPPORT) NAME(EOPNOTSUPP) NAME(EPFNOSUPPORT)
		NAME(EAFNOSUPPORT) NAME(EADDRINUSE) NAME(EADDRNOTAVAIL) NAME(ENETDOWN) NAME(ENETUNREACH) NAME(ENETRESET)
		NAME(ECONNABORTED) NAME(ECONNRESET) NAME(ENOBUFS) NAME(EISCONN) NAME(ENOTCONN) NAME(ESHUTDOWN)
		NAME(ETOOMANYREFS) NAME(ETIMEDOUT) NAME(ECONNREFUSED) NAME(EHOSTDOWN) NAME(EHOSTUNREACH) NAME(EALREADY)
		NAME(EINPROGRESS) NAME(ECANCELED)
#undef NAME
	};
	static char other[24];
	size_t at;

	for (at = 0; at < sizeof(known) / sizeof(known[0]); at++)
		if (known[at].code == code)
			return known[at].name;
	snprintf(other, sizeof(other), "errno %d", code);
	return other;
}

static void fail(const char *what)
{
	printf("this program could not go on: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void otherwise(int step, const char *what)
{
	if (!parted)
		parted = step;
	printf("     ! otherwise than in the row: %s\n", what);
}
/*** calls: base ***/
/* A call: which one, with what, and what came of it. Some are made on another thread, as in the row. */
struct call {
	const char *words;
	long (*make)(const long *);
	long a[6];
	long returned;
	int error;
	volatile int entered, over;
	sem_t done;
	pid_t thread;
	pthread_t self;
};

static struct call calls[STEPS + 1];

static void perform(struct call *call)
{
	call->self = pthread_self();
	call->thread = (pid_t)syscall(SYS_gettid);
	errno = 0;
	call->entered = 1;
	call->returned = call->make(call->a);
	call->error = call->returned == -1 ? errno : 0;
	call->over = 1;
	sem_post(&call->done);
}

static void here(int step)
{
	perform(&calls[step]);
}

static struct call *prepare(int step, const char *words, long (*make)(const long *), const long *a)
{
	struct call *call = &calls[step];

	memcpy(call->a, a, sizeof(call->a));
	call->words = words;
	call->make = make;
	sem_init(&call->done, 0, 0);
	return call;
}

#define PREPARE(step, words, make, ...) prepare(step, words, make, (const long[6]){ __VA_ARGS__ })

static void told(int step)
{
	struct call *call = &calls[step];

	if (call->returned == -1)
		printf("%4d %s = -1 %s\n", step, call->words, errno_name(call->error));
	else
		printf("%4d %s = %ld\n", step, call->words, call->returned);
}

/* Compare what came with what the row saw: what was returned, and errno beside -1. */
static void saw(int step, long returned, int error)
{
	told(step);
	if (calls[step].returned != returned || calls[step].error != error) {
		char words[96];

		snprintf(words, sizeof(words), "it came to %ld%s%s there", returned, error ? " " : "",
			 error ? errno_name(error) : "");
		otherwise(step, words);
	}
}
/*** saw_fd: calls ***/
static int saw_fd(int step)
{
	told(step);
	if (calls[step].returned < 0)
		otherwise(step, "it gave a descriptor there");
	return (int)calls[step].returned;
}
/*** asked: base ***/
static void asked(const char *what, int met)
{
	printf("     the document asks for %s: %s\n", what, met ? "yes in the row" : "NO in the row");
}
/*** callers: calls ***/
/* The threads on which the row made calls that may wait. */
static struct caller {
	pthread_t thread;
	sem_t go;
	struct call *call;
	int there;
} callers[16];

static void *serve(void *passed)
{
	struct caller *caller = passed;

	for (;;) {
		while (sem_wait(&caller->go) != 0)
			;
		perform(caller->call);
	}
	return NULL;
}

/* Begin a call on the first of these threads that is not busy. */
static void begin(int step)
{
	struct caller *caller = callers;

	while (caller->there && caller->call && !caller->call->over)
		if (++caller == callers + sizeof(callers) / sizeof(callers[0]))
			fail("too many calls at once");
	if (!caller->there) {
		sem_init(&caller->go, 0, 0);
		if (pthread_create(&caller->thread, NULL, serve, caller) != 0)
			fail("pthread_create");
		caller->there = 1;
	}
	caller->call = &calls[step];
	sem_post(&caller->go);
}

/* Wait for a call, for so many seconds at most; gives whether it has returned. */
static int returns(int step, double seconds)
{
	struct timespec until;
	long long wanted = (long long)(seconds * 1e9);

	clock_gettime(CLOCK_REALTIME, &until);
	wanted += until.tv_nsec;
	until.tv_sec += wanted / 1000000000;
	until.tv_nsec = wanted % 1000000000;
	while (sem_timedwait(&calls[step].done, &until) != 0)
		if (errno == ETIMEDOUT)
			return 0;
	return 1;
}

static void finish(int step)
{
	if (!returns(step, 20)) {
		printf("%4d %s = ? does not return\n", step, calls[step].words);
		otherwise(step, "it returned there");
		exit(1);
	}
}
/*** there: callers ***/
static void there(int step)
{
	begin(step);
	finish(step);
}
/*** asleep: callers ***/
/* Wait until a call that was begun sleeps in the kernel, or is over. */
static void asleep(int step)
{
	int look;

	for (look = 0; look < 2000 && !calls[step].over; look++) {
		char path[64], text[512] = "", *state;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)calls[step].thread);
		file = calls[step].entered ? fopen(path, "r") : NULL;
		if (file) {
			if (!fgets(text, sizeof(text), file))
				text[0] = 0;
			fclose(file);
		}
		state = strrchr(text, ')');
		if (state && state[1] && state[2] == 'S')
			return;
		usleep(1000);
	}
}
/*** hangs: callers ***/
/* The row saw a call that does not return within so many seconds. */
static void hangs(int step, double seconds)
{
	if (returns(step, seconds)) {
		told(step);
		otherwise(step, "it did not return there");
		return;
	}
	printf("%4d %s = ? does not return within %g s\n", step, calls[step].words, seconds);
	pthread_kill(calls[step].self, SIGUSR2);
	returns(step, 2);
}
/*** handle: base ***/
static void handler(int number)
{
	(void)number;
}

static void handle(int number, int restart)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = restart ? SA_RESTART : 0;
	sigaction(number, &action, NULL);
}
/*** disturb: callers ***/
static void disturb(int step, int number)
{
	if (!calls[step].over)
		pthread_kill(calls[step].self, number);
}
/*** filled: calls ***/
/* Compare what the kernel filled in with what it filled in there. */
static void filled(int step, const void *found, size_t size, const void *wanted, size_t length, const char *words)
{
	size_t at;

	if (calls[step].returned < 0)
		return;
	printf("     gave");
	for (at = 0; at < size; at++)
		printf(" %02x", ((const unsigned char *)found)[at]);
	printf(" (there: %s)\n", words);
	if (size != length || memcmp(found, wanted, length) != 0)
		otherwise(step, "something else was given there");
}
/*** again: calls ***/
/* The row looked at this again and again, until it was so. */
static void again(int step, const void *found, size_t size, const void *wanted)
{
	int look;

	for (look = 0; look < 5000; look++) {
		here(step);
		if (calls[step].returned == 0 && memcmp(found, wanted, size) == 0)
			return;
		usleep(1000);
	}
}
/*** number: calls ***/
static void number(int step, const char *what, long found, long wanted)
{
	if (calls[step].returned < 0)
		return;
	printf("     %s %#lx\n", what, (unsigned long)found);
	if (found != wanted) {
		char words[96];

		snprintf(words, sizeof(words), "%s was %#lx there", what, (unsigned long)wanted);
		otherwise(step, words);
	}
}
/*** learn: base ***/
/* What the kernel chose by itself (a port, a name) is another in each run: it is learned, and used where the row did. */
static unsigned char chosen[LEARNED + 1][8];

static void learn(int which, unsigned char *address, size_t at, size_t size)
{
	memcpy(chosen[which], address + at, size);
}
/*** recall: learn ***/
static void recall(int which, unsigned char *address, size_t at, size_t size)
{
	memcpy(address + at, chosen[which], size);
}
/*** edge: base ***/
/* Put bytes so that behind the last of them is memory that can't be read. */
static long edge(const void *bytes, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *start = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | LOW, -1, 0);

	if (start == MAP_FAILED || mprotect(start + page, page, PROT_NONE) != 0)
		fail("mmap");
	return (long)memcpy(start + page - size, bytes, size);
}
/*** low: base ***/
/* Put bytes below 4 GiB, where the 32-bit entry of the kernel can reach them. */
static long low(const void *bytes, size_t size)
{
	void *start = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | LOW, -1, 0);

	if (start == MAP_FAILED)
		fail("mmap");
	return (long)memcpy(start, bytes, size);
}
/*** int80: base ***/
#ifndef __x86_64__
#error "the 32-bit entry is taken by int $0x80 of x86-64"
#endif
/* A call by the kernel's 32-bit entry. */
static long int80(long number, long first, long second, long third, long fourth, long fifth)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"((long)(unsigned int)first), "c"((long)(unsigned int)second),
			   "d"((long)(unsigned int)third), "S"((long)(unsigned int)fourth), "D"((long)(unsigned int)fifth)
			 : "memory", "cc", "r8", "r9", "r10", "r11");
	result = (int)result;
	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
/*** ring: base ***/
/* A call as a request to a ring of its own. */
static long ring(int opcode, long fd, long address, long offset, long length, long flags)
{
	struct io_uring_params params;
	struct io_uring_sqe *entry;
	struct io_uring_cqe *answer;
	unsigned char *sq, *cq;
	long result;
	int own;

	memset(&params, 0, sizeof(params));
	own = (int)syscall(SYS_io_uring_setup, 2, &params);
	if (own < 0)
		fail("io_uring_setup");
	/* Out of the way: the row may pass the number of a descriptor that it has closed. */
	result = fcntl(own, F_DUPFD_CLOEXEC, 800);
	close(own);
	own = (int)result;
	sq = mmap(NULL, params.sq_off.array + 4 * params.sq_entries, PROT_READ | PROT_WRITE, MAP_SHARED, own,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + sizeof(*answer) * params.cq_entries, PROT_READ | PROT_WRITE, MAP_SHARED, own,
		  IORING_OFF_CQ_RING);
	entry = mmap(NULL, sizeof(*entry) * params.sq_entries, PROT_READ | PROT_WRITE, MAP_SHARED, own, IORING_OFF_SQES);
	if (own < 0 || sq == MAP_FAILED || cq == MAP_FAILED || (void *)entry == MAP_FAILED)
		fail("io_uring");
	memset(entry, 0, sizeof(*entry));
	entry->opcode = (unsigned char)opcode;
	entry->fd = (int)fd;
	entry->addr = (unsigned long)address;
	entry->off = (unsigned long)offset;
	entry->len = (unsigned int)length;
	entry->rw_flags = (int)flags;
	*(unsigned int *)(void *)(sq + params.sq_off.array) = 0;
	*(volatile unsigned int *)(void *)(sq + params.sq_off.tail) = 1;
	__sync_synchronize();
	result = syscall(SYS_io_uring_enter, own, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	while (result >= 0 && *(volatile unsigned int *)(void *)(cq + params.cq_off.tail) == 0)
		result = syscall(SYS_io_uring_enter, own, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	answer = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
	if (*(volatile unsigned int *)(void *)(cq + params.cq_off.tail) != 0)
		result = answer->res;
	else
		result = -errno;
	close(own);
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
/*** pause_for: ***/
static void pause_for(double seconds)
{
	struct timespec left;

	left.tv_sec = (time_t)seconds;
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0)
		;
}
/*** hosts: base ***/
/* The hosts of the private network: a network namespace each. */
static int hosts[HOSTS];

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static void leave_network(void)
{
	char text[64];
	unsigned int uid = (unsigned int)geteuid(), gid = (unsigned int)getegid();

	if (unshare(CLONE_NEWNET) == 0)
		return;
	/* An ordinary user becomes user 0 of a user namespace first. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		fail("unshare: this system lets no ordinary user make namespaces; run it as root");
	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
}

static void make_host(int host)
{
	struct ifreq request;
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		fail("unshare");
	hosts[host] = fcntl(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 500);
	if (hosts[host] < 0)
		fail("/proc/self/ns/net");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memset(&request, 0, sizeof(request));
	strcpy(request.ifr_name, "lo");
	request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		fail("set lo up");
	close(fd);
	if (access("/proc/sys/net/ipv6/conf/all/disable_ipv6", F_OK) == 0) {
		write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
		write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
	}
}
/*** enter: hosts ***/
static void enter(int host)
{
	if (setns(hosts[host], CLONE_NEWNET) != 0)
		fail("setns");
}
/*** set_sysctl: enter ***/
static void set_sysctl(int host, const char *name, const char *value)
{
	char path[256] = "/proc/sys/", *at = path + strlen(path);

	for (; *name && at < path + sizeof(path) - 1; name++)
		*at++ = *name == '.' ? '/' : *name;
	enter(host);
	write_file(path, value);
}
/*** netlink: enter ***/
/* Send messages from a host, and see that the kernel says yes to so many of them. */
static void send_from(int host, int protocol, const void *bytes, size_t size, int answers)
{
	union {
		struct nlmsghdr head;
		char bytes[65536];
	} answer;
	int fd;

	enter(host);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0 || send(fd, bytes, size, 0) < 0)
		fail("netlink");
	while (answers > 0) {
		ssize_t got = recv(fd, answer.bytes, sizeof(answer.bytes), 0);
		unsigned int left = (unsigned int)got;
		struct nlmsghdr *each;

		if (got < 0)
			fail("netlink");
		for (each = &answer.head; NLMSG_OK(each, left); each = NLMSG_NEXT(each, left)) {
			if (each->nlmsg_type != NLMSG_ERROR)
				continue;
			errno = -((struct nlmsgerr *)NLMSG_DATA(each))->error;
			if (errno)
				fail("netlink: the kernel refuses a change of the network");
			answers--;
		}
	}
	close(fd);
}
/*** ask: netlink ***/
/* Requests of route netlink, an attribute at a time; see rtnetlink(7). */
static union {
	struct nlmsghdr head;
	char bytes[4096];
} request;

static void *start(int type, int flags, const void *body, size_t size)
{
	memset(&request, 0, sizeof(request));
	request.head.nlmsg_type = (unsigned short)type;
	request.head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
	request.head.nlmsg_len = (unsigned int)NLMSG_LENGTH(size);
	return memcpy(NLMSG_DATA(&request.head), body, size);
}

static struct rtattr *add(int type, const void *data, size_t size)
{
	struct rtattr *made = (struct rtattr *)(void *)(request.bytes + NLMSG_ALIGN(request.head.nlmsg_len));

	made->rta_type = (unsigned short)type;
	made->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(made), data, size);
	request.head.nlmsg_len = NLMSG_ALIGN(request.head.nlmsg_len) + (unsigned int)RTA_ALIGN(made->rta_len);
	return made;
}

static void ask(int host)
{
	send_from(host, NETLINK_ROUTE, &request, request.head.nlmsg_len, 1);
}

static unsigned int index_of(int host, const char *link)
{
	unsigned int found;

	enter(host);
	found = if_nametoindex(link);
	if (!found)
		fail(link);
	return found;
}

static size_t parse(const char *text, unsigned char *address)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, address) != 1)
		fail(text);
	return family == AF_INET6 ? 16 : 4;
}
/*** veth: ask ***/
/* A link between two hosts. */
static void veth(int host, const char *link, int other, const char *peer)
{
	struct ifinfomsg near = { .ifi_index = 20 }, far = { .ifi_index = 0 };
	struct rtattr *info, *data, *end;

	start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &near, sizeof(near));
	add(IFLA_IFNAME, link, strlen(link) + 1);
	info = add(IFLA_LINKINFO, NULL, 0);
	add(IFLA_INFO_KIND, "veth", 5);
	data = add(IFLA_INFO_DATA, NULL, 0);
	end = add(VETH_INFO_PEER, &far, sizeof(far));
	add(IFLA_IFNAME, peer, strlen(peer) + 1);
	add(IFLA_NET_NS_FD, &hosts[other], sizeof(int));
	end->rta_len = (unsigned short)(request.bytes + request.head.nlmsg_len - (char *)end);
	data->rta_len = (unsigned short)(request.bytes + request.head.nlmsg_len - (char *)data);
	info->rta_len = (unsigned short)(request.bytes + request.head.nlmsg_len - (char *)info);
	ask(host);
}
/*** address: ask ***/
static void address(int host, int type, const char *link, const char *text, int prefix)
{
	unsigned char bytes[16];
	size_t size = parse(text, bytes);
	struct ifaddrmsg body = { .ifa_family = size == 4 ? AF_INET : AF_INET6, .ifa_prefixlen = (unsigned char)prefix };

	body.ifa_index = index_of(host, link);
	/* Without this an address of IPv6 is of no use for a second. */
	body.ifa_flags = size == 16 ? IFA_F_NODAD : 0;
	start(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, &body, sizeof(body));
	add(IFA_LOCAL, bytes, size);
	add(IFA_ADDRESS, bytes, size);
	ask(host);
}
/*** link_up: ask ***/
static void link_up(int host, const char *link, int up)
{
	struct ifinfomsg body = { .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };

	body.ifi_index = (int)index_of(host, link);
	start(RTM_NEWLINK, 0, &body, sizeof(body));
	ask(host);
}
/*** remove_link: ask ***/
static void remove_link(int host, const char *link)
{
	struct ifinfomsg body = { .ifi_index = 0 };

	body.ifi_index = (int)index_of(host, link);
	start(RTM_DELLINK, 0, &body, sizeof(body));
	ask(host);
}
/*** settle: ask ***/
/* Wait until a link carries packets: it runs, and its addresses of IPv6 have their routes, which a thread sees to. */
static void settle(int host, const char *link)
{
	int look;

	enter(host);
	for (look = 0; look < 10000; look++) {
		char line[256], name[64];
		unsigned int flags, wanted = 0, found = 0, local = 0;
		struct ifreq asked;
		FILE *file = fopen("/proc/thread-self/net/if_inet6", "r");
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), runs, ipv6 = file != NULL;

		memset(&asked, 0, sizeof(asked));
		strncpy(asked.ifr_name, link, sizeof(asked.ifr_name) - 1);
		runs = ioctl(fd, SIOCGIFFLAGS, &asked) == 0 && (asked.ifr_flags & IFF_RUNNING);
		close(fd);
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "%*s %*x %*x %*x %*x %63s", name) == 1 && strcmp(name, link) == 0) {
				wanted++;
				local += strncmp(line, "fe80", 4) == 0;
			}
		if (file)
			fclose(file);
		file = ipv6 ? fopen("/proc/thread-self/net/ipv6_route", "r") : NULL;
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "%*s 80 %*s %*s %*s %*s %*s %*s %x %63s", &flags, name) == 2 &&
			    (flags & 0x80000000U) && strcmp(name, link) == 0 && strncmp(line, "ff", 2) != 0)
				found++;
		if (file)
			fclose(file);
		if (runs && (!ipv6 || (local && found >= wanted)))
			return;
		usleep(1000);
	}
	fail("a link never comes up");
}
/*** route: ask ***/
static void route(int host, int type, int family, const char *to, int length, const char *gateway, const char *link,
		  const char *source, int kind, int table)
{
	struct rtmsg body = { .rtm_family = (unsigned char)family, .rtm_dst_len = (unsigned char)length };
	unsigned char bytes[16];
	unsigned int index;

	body.rtm_table = (unsigned char)table;
	body.rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : RTPROT_UNSPEC;
	body.rtm_type = (unsigned char)kind;
	body.rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : link && !gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	start(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &body, sizeof(body));
	if (to)
		add(RTA_DST, bytes, parse(to, bytes));
	if (gateway)
		add(RTA_GATEWAY, bytes, parse(gateway, bytes));
	if (source)
		add(RTA_PREFSRC, bytes, parse(source, bytes));
	if (link) {
		index = index_of(host, link);
		add(RTA_OIF, &index, sizeof(index));
	}
	ask(host);
}
/*** rule: ask ***/
static void rule(int host, int type, int family, unsigned int priority, int action, const char *to, int length, int table)
{
	struct fib_rule_hdr body = { .family = (unsigned char)family, .dst_len = (unsigned char)length };
	unsigned char bytes[16];

	body.action = (unsigned char)action;
	body.table = (unsigned char)table;
	start(type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, &body, sizeof(body));
	add(FRA_PRIORITY, &priority, sizeof(priority));
	if (to)
		add(FRA_DST, bytes, parse(to, bytes));
	ask(host);
}
/*** neighbour: ask ***/
static void neighbour(int host, int type, const char *link, const char *text, const unsigned char *lladdr, int state)
{
	unsigned char bytes[16];
	size_t size = parse(text, bytes);
	struct ndmsg body = { .ndm_family = size == 4 ? AF_INET : AF_INET6, .ndm_state = (unsigned short)state };

	body.ndm_ifindex = (int)index_of(host, link);
	start(type, type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0, &body, sizeof(body));
	add(NDA_DST, bytes, size);
	if (lladdr)
		add(NDA_LLADDR, lladdr, 6);
	ask(host);
}
/*** folder: base ***/
/* The folder of the row's UNIX sockets; it has a name of the same length, and is removed at the end. */
static char folder[] = FOLDER;

static void remove_folder(void)
{
	DIR *open_folder = opendir(folder);
	struct dirent *entry;

	while (open_folder && (entry = readdir(open_folder)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(open_folder), entry->d_name, 0);
	if (open_folder)
		closedir(open_folder);
	rmdir(folder);
}

static void make_folder(void)
{
	if (!mkdtemp(folder))
		fail(folder);
	atexit(remove_folder);
}

/* Put the folder's name into an address. */
static void in_folder(unsigned char *address, size_t at)
{
	memcpy(address + at, folder, strlen(folder));
}
/*** wait_address: ask ***/
/* Wait until an address of IPv6 can be reached: a thread of the kernel sees to its route. */
static void wait_address(int host, const char *text)
{
	unsigned char bytes[16];
	char line[256], wanted[64] = "";
	size_t at, size = parse(text, bytes);
	int look;

	for (at = 0; at < size; at++)
		snprintf(wanted + 2 * at, sizeof(wanted) - 2 * at, "%02x", bytes[at]);
	strcat(wanted, " 80 ");
	enter(host);
	for (look = 0; look < 10000; look++) {
		FILE *file = fopen("/proc/thread-self/net/ipv6_route", "r");
		unsigned int flags;

		if (!file)
			return;
		while (fgets(line, sizeof(line), file))
			if (strncmp(line, wanted, strlen(wanted)) == 0 &&
			    sscanf(line, "%*s 80 %*s %*s %*s %*s %*s %*s %x", &flags) == 1 && (flags & 0x80000000U)) {
				fclose(file);
				return;
			}
		fclose(file);
		usleep(1000);
	}
	fail(text);
}
