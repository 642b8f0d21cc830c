"""Numbers that both dialects share."""

# A tenant's next run stands in line as if each of its runs before it took this long (seconds). Who
# sends a thousand lines at once is then served in turn with those who send a few, and nobody waits
# for ever.
FAIR_SHARE_S = 1.0
# Beyond this many runs in line another one makes no difference.
BACKLOG_CAP = 100
# How long the first reply to an Idempotency-Key is kept.
REPLIES_KEPT_S = 24 * 3600
