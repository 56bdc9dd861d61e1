/** Packages that people put on devices, chosen to have every kind of maintainer script, and how one sees that they work. */

export interface Swept {
  /** Names for IMAGE_PREINSTALL; the first is what it is called. */
  readonly install: string;
  /** A shell command that ends with 0 where the package works. */
  readonly use: string;
}

const version = (command: string): string => `${command} --version | head -n 1 | grep .`;

export const PACKAGES: readonly Swept[] = [
  // Links of update-alternatives.
  {
    install: "vim",
    use: `vi --version | grep -q VIM && vim --version | grep -q VIM && ${version("editor")}`,
  },
  { install: "netcat-openbsd", use: "nc -h 2>&1 | grep -q OpenBSD" },
  {
    install: "gcc libc6-dev make",
    use: "echo 'int main(void){return 0;}' >/tmp/x.c && cc -o /tmp/x /tmp/x.c && /tmp/x",
  },
  { install: "iptables", use: "iptables -V && ip6tables -V" },
  { install: "python3-numpy", use: "python3 -c 'import numpy; print(numpy.linalg.det(numpy.eye(2)))'" },
  { install: "nmap", use: version("nmap") },
  { install: "less", use: "echo x | less -FX | grep -q x && pager -V | grep -q less" },
  { install: "mawk", use: "echo a b | awk '{print $2}' | grep -q b" },
  { install: "default-jre-headless", use: "java -version 2>&1 | grep -q Runtime" },
  { install: "screen", use: "screen -v" },
  // Users and groups.
  { install: "tcpdump", use: "id tcpdump && tcpdump --version" },
  {
    install: "redis-server",
    use: "redis-server --version && su -s /bin/sh redis -c 'test -r /etc/redis/redis.conf && touch /var/lib/redis/x'",
  },
  { install: "mosquitto", use: "id mosquitto && mosquitto -h | grep -q version" },
  { install: "avahi-daemon", use: "id avahi && avahi-daemon --version" },
  { install: "postgresql", use: "id postgres && pg_lsclusters && test -d /var/lib/postgresql" },
  { install: "openssh-server", use: "id sshd && test -s /etc/ssh/sshd_config && test -f /etc/pam.d/sshd" },
  { install: "chrony", use: "id _chrony && chronyd -v && test -s /etc/chrony/chrony.conf" },
  { install: "dnsmasq", use: "id dnsmasq && dnsmasq --test" },
  { install: "lldpd", use: "id _lldpd && lldpd -v" },
  { install: "snmpd", use: "id Debian-snmp && test -s /etc/snmp/snmpd.conf" },
  { install: "polkitd", use: "id polkitd && test -d /etc/polkit-1/rules.d" },
  { install: "nginx-light", use: "nginx -t 2>&1 | grep -q 'test is successful'" },
  { install: "lighttpd", use: "lighttpd -tt -f /etc/lighttpd/lighttpd.conf" },
  { install: "haproxy", use: "haproxy -c -f /etc/haproxy/haproxy.cfg" },
  { install: "openvpn", use: "openvpn --version | grep -q OpenVPN" },
  // Configuration by ucf, debconf and scripts.
  { install: "samba", use: "test -s /etc/samba/smb.conf && testparm -s >/dev/null 2>&1" },
  { install: "sudo", use: "sudo -n true && test $(stat -c %a /etc/sudoers) = 440" },
  { install: "locales", use: "test -e /etc/locale.gen && locale -a | grep -q C" },
  {
    install: "ca-certificates",
    use: "test -s /etc/ssl/certs/ca-certificates.crt && ls /etc/ssl/certs/*.pem >/dev/null",
  },
  { install: "logrotate", use: "logrotate -d /etc/logrotate.conf" },
  { install: "rsyslog", use: "rsyslogd -N1" },
  { install: "tmux", use: "tmux -V" },
  // Capabilities, set-id bits, groups of files.
  { install: "iputils-ping", use: "getcap /usr/bin/ping | grep -q cap_net_raw || test -u /usr/bin/ping" },
  { install: "mtr-tiny", use: "mtr --version && getcap /usr/bin/mtr-packet | grep -q cap_net_raw" },
  {
    install: "cron",
    use: "test $(stat -c %G /usr/bin/crontab) = crontab && test -g /usr/bin/crontab && crontab -l 2>&1 | grep -q 'no crontab'",
  },
  { install: "at", use: "id daemon && at -V" },
  { install: "fuse3", use: "test -u /usr/bin/fusermount3 && fusermount3 -V" },
  // Derived caches, /var.
  { install: "python3-pip", use: version("pip3") },
  {
    install: "libglib2.0-bin dconf-gsettings-backend",
    use: "gsettings list-schemas; gio mime text/plain; true",
  },
  { install: "man-db", use: "man -w man" },
  { install: "smartmontools", use: "smartctl -V && test -e /var/lib/smartmontools/drivedb/drivedb.h" },
  { install: "fontconfig fonts-dejavu-core", use: "fc-list | grep -q DejaVu" },
  { install: "git", use: "git init -q /tmp/repository && git -C /tmp/repository status" },
  { install: "ffmpeg", use: "ffmpeg -version | head -n 1" },
];
