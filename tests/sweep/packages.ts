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
  // What else people put on devices: servers, networks, hardware, desktops, languages.
  {
    install: "apache2",
    use: "test -e /etc/apache2/mods-enabled/mpm_event.load && test -e /etc/apache2/sites-enabled/000-default.conf && apache2 -v",
  },
  { install: "bind9", use: "id bind && named-checkconf" },
  { install: "postfix", use: "id postfix && postconf mail_version" },
  { install: "exim4-daemon-light", use: "id Debian-exim && test -d /var/spool/exim4" },
  { install: "dovecot-imapd", use: "id dovecot && doveconf >/dev/null" },
  { install: "mariadb-server", use: "id mysql && test -d /var/lib/mysql && mariadbd --version" },
  { install: "memcached", use: "id memcache && memcached -V" },
  { install: "squid", use: "id proxy && squid -k parse" },
  {
    install: "tor",
    use: "id debian-tor && HOME=/tmp tor --verify-config -f /etc/tor/torrc --defaults-torrc /usr/share/tor/tor-service-defaults-torrc --DataDirectory /tmp/tor",
  },
  { install: "ntpsec", use: "id ntpsec && ntpd --version" },
  { install: "nfs-kernel-server", use: "id statd && exportfs -v; test -e /etc/exports" },
  { install: "rpcbind", use: "id _rpc && test -d /etc" },
  { install: "isc-dhcp-server", use: "test -e /var/lib/dhcp && dhcpd --version 2>&1 | grep -q isc" },
  { install: "network-manager", use: "NetworkManager --version && nmcli --version" },
  { install: "wpasupplicant", use: "wpa_supplicant -v" },
  { install: "hostapd", use: "hostapd -v 2>&1 | grep -q hostapd" },
  { install: "bluez", use: "bluetoothctl --version && test -e /etc/bluetooth/main.conf" },
  { install: "modemmanager", use: "ModemManager --version" },
  { install: "ppp", use: "getent group dip && pppd --version" },
  { install: "wireguard-tools", use: "wg genkey | wg pubkey" },
  { install: "nftables", use: "nft --version && test -e /etc/nftables.conf" },
  { install: "ufw", use: "ufw version && test -e /etc/ufw/user.rules" },
  {
    install: "fail2ban",
    use: "fail2ban-client --version && mkdir -p /var/log && touch /var/log/auth.log && fail2ban-client -t",
  },
  { install: "cups", use: "getent group lpadmin && cupsd -t" },
  { install: "gpsd", use: "id gpsd && gpsd -V" },
  { install: "nut-server", use: "id nut && test -e /etc/nut/ups.conf" },
  { install: "collectd-core", use: "collectd -h | grep -q collectd" },
  { install: "prometheus-node-exporter", use: "id prometheus && prometheus-node-exporter --version" },
  { install: "alsa-utils", use: "aplay --version" },
  { install: "pulseaudio", use: "id pulse && pulseaudio --version" },
  { install: "lvm2", use: "lvm version" },
  { install: "mdadm", use: "mdadm --version 2>&1 | grep -q mdadm && test -e /etc/mdadm/mdadm.conf" },
  { install: "cryptsetup", use: "cryptsetup --version" },
  {
    install: "udisks2",
    use: "test -e /usr/share/dbus-1/system-services/org.freedesktop.UDisks2.service && ldd /usr/libexec/udisks2/udisksd",
  },
  { install: "pcscd", use: "pcscd --version" },
  { install: "usbutils usb.ids", use: "lsusb -V && test -e /usr/share/misc/usb.ids" },
  { install: "php-cli", use: "php -r 'echo 1;' | grep -q 1 && php -m | grep -q json" },
  { install: "nodejs", use: "node -e 'console.log(1)'" },
  { install: "ruby", use: "ruby -e 'puts 1'" },
  { install: "perl libjson-perl", use: "perl -MJSON -e 'print encode_json([1])'" },
  { install: "python3-flask", use: "python3 -c 'import flask; print(flask.__name__)'" },
  { install: "emacs-nox", use: "emacs --batch --eval '(message \"x\")' && editor --version" },
  { install: "zsh", use: "zsh -c 'echo x' && grep -q zsh /etc/shells || zsh -c 'echo x'" },
  { install: "podman", use: "podman --version && test -e /etc/containers/policy.json" },
  { install: "gnupg", use: "gpg --version && dirmngr --version" },
  { install: "dbus-user-session", use: "test -e /usr/lib/systemd/user/dbus.service" },
  {
    install: "zenity adwaita-icon-theme",
    use: "! ldd /usr/bin/zenity | grep 'not found' && test -s /usr/share/glib-2.0/schemas/gschemas.compiled",
  },
  { install: "openjdk-17-jdk-headless", use: "javac -version && jar --version" },
];
