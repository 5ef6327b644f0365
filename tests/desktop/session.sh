#!/bin/sh
# Runs a command inside a desktop of its own: X server, D-Bus, window manager, panel with a tray,
# keyring and notifications. Everything it starts is ended by its process id when the command ends.
#
#   session.sh desktop COMMAND…    all of it
#   session.sh keyring COMMAND…    D-Bus and the keyring alone
set -eu

what=$1
shift

if [ "${DRAWBRIDGE_SESSION-}" = "" ]; then
  folder=$(mktemp -d "${TMPDIR:-/tmp}/drawbridge-session-XXXXXX")
  mkdir -m 700 "$folder/run" "$folder/config" "$folder/data" "$folder/cache"
  # Services that D-Bus starts inherit these, so nothing of the person's own session is touched.
  export DRAWBRIDGE_SESSION="$folder"
  export XDG_RUNTIME_DIR="$folder/run" XDG_CONFIG_HOME="$folder/config"
  export XDG_DATA_HOME="$folder/data" XDG_CACHE_HOME="$folder/cache"
  unset DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS || true
  code=0
  # What the bus itself says goes to a log; the command keeps the standard error it was given.
  dbus-run-session -- sh "$0" "$what" "$@" 3>&2 2>"$folder/bus.log" || code=$?
  # A service of the session may still be writing its last.
  rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder" || true; }
  exit "$code"
fi

logs=$DRAWBRIDGE_SESSION/logs
mkdir -p "$logs"
started=""

end_all() {
  for pid in $started; do
    kill "$pid" 2>/dev/null || true
  done
  for pid in $started; do
    wait "$pid" 2>/dev/null || true
  done
}
trap end_all EXIT

# start NAME COMMAND…
start() {
  name=$1
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null &
  started="$! $started"
}

# until_true WHAT COMMAND…: looks ten times a second, for fifteen seconds.
until_true() {
  waited_for=$1
  shift
  tries=150
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
      echo "session: $waited_for did not come" >&3
      tail -n 20 "$logs"/*.log >&3 || true
      exit 1
    fi
    sleep 0.1
  done
}

owns() {
  dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.NameHasOwner "string:$1" | grep -q true
}

# Makes the login keyring, open from the start.
unlock() {
  printf 'a password for tests\n' >"$DRAWBRIDGE_SESSION/password"
  gnome-keyring-daemon --foreground --unlock --components=secrets \
    <"$DRAWBRIDGE_SESSION/password" >"$logs/keyring.log" 2>&1 &
  started="$! $started"
  until_true "the keyring" owns org.freedesktop.secrets
}

if [ "$what" = desktop ]; then
  # The server picks a free display and writes its number when it takes connections.
  display_file=$DRAWBRIDGE_SESSION/display
  Xvfb -displayfd 4 -screen 0 1280x960x24 -nolisten tcp \
    4>"$display_file" 3>&- >"$logs/xvfb.log" 2>&1 </dev/null &
  started="$! $started"
  until_true "the X server" test -s "$display_file"
  DISPLAY=:$(cat "$display_file")
  export DISPLAY
  export GDK_BACKEND=x11 XDG_CURRENT_DESKTOP=XFCE XDG_SESSION_TYPE=x11 LIBGL_ALWAYS_SOFTWARE=1
  dbus-update-activation-environment DISPLAY GDK_BACKEND XDG_CURRENT_DESKTOP XDG_SESSION_TYPE

  # A panel at the top with nothing but a tray, so that it asks no question at its first start.
  mkdir -p "$XDG_CONFIG_HOME/xfce4/xfconf/xfce-perchannel-xml"
  cp "$(dirname "$0")/xfce4-panel.xml" "$XDG_CONFIG_HOME/xfce4/xfconf/xfce-perchannel-xml/"

  start xfwm4 xfwm4 --compositor=off
  unlock
  start panel xfce4-panel --disable-wm-check
  until_true "the tray" owns org.kde.StatusNotifierWatcher
  notifyd=$(find /usr/lib /usr/libexec -name xfce4-notifyd -type f 2>/dev/null | head -n 1)
  if [ -n "$notifyd" ]; then
    start notifyd "$notifyd"
  fi
else
  unlock
fi

code=0
"$@" 2>&3 3>&- || code=$?
exit "$code"
