#!/bin/sh
# Fills a folder with Debian sid and its Asterisk: build-root.sh FOLDER MIRROR KEYRING. Needs root and debootstrap.
# Whoever comes second waits for the first, which is seen to by flock around this script. The folder appears when it
# is complete; what a broken build left behind is removed by the next.
set -eu
folder=$1 mirror=$2 keyring=$3
[ ! -d "$folder" ] || exit 0
new=$folder.new
rm -rf "$new"

extra=
case $mirror in https://*) extra=--include=ca-certificates ;; esac
# shellcheck disable=SC2086 # none, or one
debootstrap --variant=minbase --keyring="$keyring" $extra sid "$new" "$mirror"

# Certificates that this machine's owner added, for a mirror that needs them.
if [ -n "$extra" ] && [ -d /usr/local/share/ca-certificates ]; then
  cp -r /usr/local/share/ca-certificates/. "$new/usr/local/share/ca-certificates/"
  chroot "$new" update-ca-certificates
fi

printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d" # nothing starts by being installed
chmod 755 "$new/usr/sbin/policy-rc.d"
echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/unsafe-io" # a broken build is thrown away anyway

# A mirror may be a frozen copy, so its age is no news; its signature is checked.
apt() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$new" apt-get -q -y \
    -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false -o Acquire::Retries=3 "$@"
}
# Mounted in this process's own namespace, so it is gone with it.
mount -t proc proc "$new/proc"
apt update
apt install --no-install-recommends asterisk asterisk-modules asterisk-config
apt clean
umount "$new/proc"
rm -rf "$new"/var/lib/apt/lists/*
chroot "$new" asterisk -V
mv "$new" "$folder"
