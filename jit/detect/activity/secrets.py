"""Secrets taken out of text, before anything of it is kept: too much rather than too little."""

import re

MASK = "***"
SENSITIVE = re.compile(
    r"passw|passphrase|(?:^|_)pwd|secret|token|credential|(?:api|private|access|account|encryption|signing)_?-?key",
    re.IGNORECASE,
)
"""In the name of a column, a setting or an option that holds one."""
_DOLLARS = r"\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)"
_TEXTS = r"""(?:[enbx]|u&)?'(?:[^']|'')*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)"""
_QUOTED = rf"(?:'{{2,4}}[^']{{1,500}}'{{1,4}}|{_DOLLARS}|{_TEXTS})"
_NAMED = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|(?:api|access|private|account)[_-]?key)[\w.-]{0,40}"
)
"""From the word that says so on: what stands before it in a name need not be looked at."""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), instead)
    for pattern, instead in (
        (r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", MASK),
        (r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@'\"<>]{0,500}@", rf"\1{MASK}@"),
        (
            r"((?:proxy-)?authorization|x-[\w-]{0,30}(?:key|token)|(?:set-)?cookie)(\\?[\"']?\s*[:=]\s*)[^\"'\n]+",
            rf"\1\2{MASK}",
        ),
        (r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", rf"\1 {MASK}"),
        (rf"((?<![\w-])-{{1,2}}[\w-]{{0,40}}?{_NAMED}(?:\s{{1,9}}|=))(?:{_QUOTED}|[^\s'\"]+)", rf"\1{MASK}"),
        (rf"({_NAMED}[\"']?\s{{0,9}}(?:=>|:=|=|:)\s{{0,9}})(?:{_QUOTED}|[^\s,;&)'\"]+)", rf"\1{MASK}"),
        (rf"((?:{_NAMED}|identified\s{{1,9}}by)\s{{1,9}}(?:as\s{{1,9}}|to\s{{1,9}})?){_QUOTED}", rf"\1{MASK}"),
        (r"(\b(?:mysql|mariadb)\w*\b[^\n|;]{0,300}?\s-p)[^\s'\"]+", rf"\1{MASK}"),
        (r"((?<!\S)(?:-u|--user)[ =]?['\"]?[^\s:'\"]{1,100}:)[^\s'\"]+", rf"\1{MASK}"),
        (r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,20}\b", MASK),
        (r"\bSCRAM-SHA-256\$[^\s'\"]+|\bmd5[0-9a-f]{32}\b", MASK),
        (r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,2}", MASK),
        (r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|sk_live_|rk_live_|sk-|AIza|npm_|hvs\.)[\w-]{10,}", MASK),
        (r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*\d)(?=[A-Za-z0-9/+]*[A-Z])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])", MASK),
    )
)
_MAY_HOLD = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|key|://|authorization|cookie|bearer|basic|identified|-----begin|-p|-u"
    r"|AKIA|ASIA|AROA|AIDA|scram|md5|eyJ|gh[pousr]_|glpat|xox|xapp|sk[-_]|rk_|AIza|npm_|hvs|[A-Za-z0-9/+]{40}",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with what looks like a secret replaced by `***`."""
    if not _MAY_HOLD.search(text):
        return text
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
