#!/bin/busybox sh
# The first process in a virtual machine. The host's files are the root, read only, under a layer in memory; over it lie
# the images with the interpreter, the project and the kernel's modules, as /layout says; and the folder kconform=DIR of
# the kernel's command line is the host's own and keeps what is written there. Without it the machine was only tried.
/bin/busybox mkdir -p /bin /proc /sys /dev /host /memory /new
/bin/busybox --install -s /bin
mount -t proc proc /proc
for word in $(cat /proc/cmdline); do
  case $word in kconform=*) shared=$(printf '%b' "${word#kconform=}") ;; esac
done
if [ -z "$shared" ]; then
  echo "kconform: the kernel is up"
  poweroff -f
fi
mount -t sysfs sysfs /sys && mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done < /modules.order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host || echo "the host's files can't be had"
mount -t tmpfs -o mode=755 tmpfs /memory && mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /new || echo "no overlay"
mount -t proc proc /new/proc && mount -t sysfs sysfs /new/sys && mount -t devtmpfs devtmpfs /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
mount -t tmpfs tmpfs /new/run
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
[ -e /new/dev/fd ] || ln -s /proc/self/fd /new/dev/fd
mount -t securityfs securityfs /new/sys/kernel/security 2>/dev/null
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup 2>/dev/null
# A line of the layout: the disk, what of it (a path, or / for all), and how it lies there: over the path, or in a layer.
while read -r disk how path; do
  path=$(printf '%b' "$path")
  if [ ! -d "/disk/$disk" ]; then
    mkdir -p "/disk/$disk" && mount -t ext4 -o ro,noload "/dev/$disk" "/disk/$disk"
  fi
  mkdir -p "/new$path"
  case $how in
    whole) mount -o bind "/disk/$disk" "/new$path" ;;
    part) mount -o bind "/disk/$disk$path" "/new$path" ;;
    layer)
      mkdir "/memory/$disk-upper" "/memory/$disk-work"
      mount -t overlay -o "lowerdir=/disk/$disk$path,upperdir=/memory/$disk-upper,workdir=/memory/$disk-work" overlay "/new$path"
      ;;
  esac
done < /layout
mkdir -p "/new$shared"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none results "/new$shared" || echo "no folder for results"
# What the kernel calls for modules has the root of this process.
exec switch_root /new /bin/bash "$(printf '%b' "$(cat /project)")/kernels/guest/run.sh" "$shared"
