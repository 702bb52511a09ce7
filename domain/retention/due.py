"""What is due by a rule, as SQL: one text for the plan, for the notices, and for the deletion itself.

Parameters are $1, the present instant, and $2, how many rows or until when. The deletion repeats every
condition over the row it deletes, so that a row which changed, was held or was extended meanwhile stays.
"""

from domain.retention.rules import NOTICE, Period, Rule

# One hold, extension or policy is never placed while a batch is being deleted, and the other way round.
LOCK = "hashtextextended('retention', 5)"
NOTICE_SQL = f"make_interval(hours => {int(NOTICE.total_seconds() // 3600)})"


def _time(rule: Rule) -> str:
    """The time a row is kept, over `o` and `p`; null keeps it for ever."""

    def of(period: Period | None) -> str:
        return period.sql if period is not None else "null::interval"

    enterprise = of(rule.terms.enterprise)
    if rule.terms.by_policy:
        enterprise = (
            "case when p.rule is null then "
            f"{enterprise} else make_interval(months => p.months, days => p.days) end"
        )
    return (
        f"case o.tier when 'free' then {of(rule.terms.free)} when 'pro' then {of(rule.terms.pro)} "
        f"else {enterprise} end"
    )


def due_at(rule: Rule) -> str:
    """The instant at which a row's time is over, extended or not; null for never."""
    # Months are added to a local time, so it is UTC's: a session's time zone must not move a deadline.
    time = f"((({rule.since}) at time zone 'UTC') + {_time(rule)}) at time zone 'UTC'"
    extended = (
        "(select max(e.until) from retention_extension e where e.owner_id = o.id and o.tier = 'enterprise' "
        f"and e.rule = '{rule.name}' and (e.subject_id is null or e.subject_id = {rule.subject}))"
    )
    return f"case when {time} is not null then greatest({time}, {extended}) end"


def held(rule: Rule) -> str:
    """Whether a legal hold keeps a row."""
    return (
        "exists (select from legal_hold h where h.released_at is null and h.owner_id = o.id "
        f"and (h.subject_type = 'organization' or h.subject_id = any({rule.held_ids})))"
    )


def _noticed(rule: Rule) -> str:
    """Whether the owner has known for long enough that a row goes at its deadline."""
    if not rule.notice:
        return "true"
    return (
        f"exists (select from retention_notice n where n.rule = '{rule.name}' "
        f"and n.subject_id = {rule.subject} and n.due_at = {due_at(rule)} "
        f"and n.told_at <= $1::timestamptz - {NOTICE_SQL})"
    )


def _goes(rule: Rule) -> str:
    """That a row goes now."""
    return (
        f"o.id = t.owner_id and {rule.where} and {due_at(rule)} <= $1::timestamptz "
        f"and {_noticed(rule)} and not {held(rule)}"
    )


def _whose(rule: Rule) -> str:
    return (
        "organization o left join retention_policy p "
        f"on p.owner_id = o.id and p.rule = '{rule.name}' and o.tier = 'enterprise'"
    )


def rows(rule: Rule) -> str:
    """The rows of a class whose time is over by an instant ($2), held or not, told or not."""
    return f"""
select {rule.subject} as subject_id, t.owner_id, {rule.since} as since, {rule.size} as size_bytes,
       d.due_at, n.told_at, {held(rule)} as held, o.tier, p.months, p.days
  from {_whose(rule)}
  join {rule.table} t on t.owner_id = o.id
 cross join lateral (select {due_at(rule)} as due_at) d
  left join retention_notice n
    on n.rule = '{rule.name}' and n.subject_id = {rule.subject} and n.due_at = d.due_at
 where {rule.where} and d.due_at <= $2::timestamptz
"""


def plan(rule: Rule) -> str:
    """What would go by an instant ($2), by owner and by what stands in its way. $3: of one owner, or null."""
    waits = f"greatest(s.due_at, coalesce(s.told_at, $1::timestamptz) + {NOTICE_SQL})"
    goes_at = waits if rule.notice else "s.due_at"
    noticed = f"s.told_at <= $1::timestamptz - {NOTICE_SQL}" if rule.notice else "true"
    known = "s.told_at is not null" if rule.notice else "false"
    soon = f"s.due_at <= $1::timestamptz + {NOTICE_SQL}" if rule.notice else "false"
    return f"""
with found as (
  select s.*, {goes_at} as goes_at,
         case when s.held then 'held'
              when s.due_at <= $1::timestamptz and {noticed} then 'due'
              when {known} then 'told'
              when {soon} then 'to_tell'
              else 'coming' end as state
    from ({rows(rule)}) s where $3::uuid is null or s.owner_id = $3)
select owner_id, state, tier, months, days, count(*) as count, sum(size_bytes)::bigint as size_bytes,
       min(since) as oldest_at, min(due_at) as due_at, min(goes_at) as goes_at,
       (array_agg(subject_id order by due_at, subject_id))[1:5] as examples
  from found group by 1, 2, 3, 4, 5 order by owner_id, state
"""


def tell(rule: Rule) -> str:
    """Write the notices that are due now, at most so many ($3); gives who is told how much."""
    return f"""
with told as (
  insert into retention_notice as n (rule, subject_id, owner_id, due_at, told_at)
  select '{rule.name}', s.subject_id, s.owner_id, s.due_at, $1
    from ({rows(rule)}) s where s.told_at is null and not s.held limit $3
  on conflict (rule, subject_id) do update set due_at = excluded.due_at, told_at = excluded.told_at
   where n.due_at <> excluded.due_at
  returning n.owner_id, n.due_at)
select owner_id, count(*) as count, min(greatest(due_at, $1::timestamptz + {NOTICE_SQL})) as goes_at
  from told group by 1
"""


def goes(rule: Rule) -> str:
    """The rows that are due at an instant ($1), for conditions of one's own to be added."""
    return (
        f"select {rule.subject} as id, t.owner_id from {_whose(rule)} "
        f"join {rule.table} t on t.owner_id = o.id where {_goes(rule)}"
    )


def delete(rule: Rule) -> str:
    """Let at most so many rows ($2) go that are due; gives how many, how large, of whom."""
    verb, source = f"delete from {rule.table} t", "using"
    if rule.set_:
        verb, source = f"update {rule.table} t set {rule.set_}", "from"
    return f"""
with chosen as materialized (
  select t.ctid as place, {rule.subject} as subject_id, {rule.size} as size_bytes
    from {_whose(rule)} join {rule.table} t on t.owner_id = o.id
   where {_goes(rule)} limit $2),
gone as (
  {verb} {source} chosen c cross join {_whose(rule)}
   where t.ctid = c.place and {_goes(rule)}
  returning t.owner_id, c.subject_id, c.size_bytes),
forgotten as (
  delete from retention_notice n using gone g where n.rule = '{rule.name}' and n.subject_id = g.subject_id)
select owner_id, count(*) as count, sum(size_bytes)::bigint as size_bytes from gone group by 1
"""
