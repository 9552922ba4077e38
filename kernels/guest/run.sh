#!/bin/bash
# The last step in a Linux guest: load what the suites may need, run command.sh in the folder that is given, write its
# exit status there to the file status, and switch the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for module in ipv6 veth nf_tables nft_reject nft_reject_inet vsock_loopback sctp inet_diag tcp_diag udp_diag unix_diag; do
  modprobe -q "$module"
done
ip link set lo up
bash "$1/command.sh" </dev/null 2>&1
echo $? > "$1/status"
sync
echo o > /proc/sysrq-trigger
sleep 60
