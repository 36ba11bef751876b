#!/bin/sh
# Run `moderation` as the systemd unit does: as its user, with its state, and with the settings of /etc/moderation.env.
# As root, copy this file to /usr/local/bin/moderation. The user has to be able to read and write the files that you name.
export MODERATION_VAR=/var/lib/moderation
if [ -e /etc/moderation.env ]; then
    # Read as text: as a script, an "&" in the URL of a database would cut it off.
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in [A-Z]*=*) export "$line" ;; esac
    done </etc/moderation.env
fi
umask 077
exec runuser --user moderation -- /opt/moderation/bin/moderation "$@"
