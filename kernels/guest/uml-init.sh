#!/bin/bash
# The first process in user-mode Linux. The root is the host's, read only; a layer in memory goes over it, so that
# programs find a machine that they can write to, and the folder kconform=DIR of the kernel's command line is the host's
# own and keeps what is written there; run.sh does the rest. Without it the kernel was only tried.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
for word in $(cat /proc/cmdline); do
  case $word in kconform=*) shared=${word#kconform=} ;; esac
done
if [ -z "$shared" ]; then
  echo "kconform: the kernel is up"
  echo o > /proc/sysrq-trigger
  sleep 60
fi
modules=/usr/lib/uml/modules/$(uname -r)
mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/root
grep -q overlay /proc/filesystems || insmod "$modules/kernel/fs/overlayfs/overlay.ko"
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || echo "no overlay: $?"
cd /mnt/root || exit
mkdir -p ".$shared" lib/modules && mount -t hostfs -o "sync,$shared" hostfs ".$shared"
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm && mount -t devpts devpts dev/pts && mount -t tmpfs tmpfs dev/shm && mount -t tmpfs tmpfs run
[ -e dev/fd ] || ln -s /proc/self/fd dev/fd
mount -t securityfs securityfs sys/kernel/security 2>/dev/null
mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null
mount -t tmpfs tmpfs lib/modules && ln -s "$modules" "lib/modules/$(uname -r)"
mkdir -p run/old && pivot_root . run/old
exec chroot . /bin/bash "${0%/*}/run.sh" "$shared"
