"""CISAC's territories (TIS): groups by number, and countries that are no more, as ISO 3166-1 alpha-2 codes.

Which countries a group holds is as of 2026. Source: the TIS hierarchy as published by CISAC; group 2136,
the world, stands in `territory`. Numbers of countries are those of ISO 3166-1.
"""

# number: name, members
GROUPS: dict[str, tuple[str, str]] = {
    "2100": (
        "Africa",
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA "
        "MG ML MR MU MW MZ NA NE NG RW SC SD SL SN SO SS ST SZ TD TG TN TZ UG ZA ZM ZW",
    ),
    "2101": (
        "America",
        "AG AR BB BO BR BS BZ CA CL CO CR CU DM DO EC GD GT GY HN HT JM KN LC MX NI PA PE PR PY "
        "SR SV TT US UY VC VE",
    ),
    "2102": (
        "American Continent",
        "AR BO BR BZ CA CL CO CR EC GT GY HN MX NI PA PE PY SR SV US UY VE",
    ),
    "2103": (
        "Antilles",
        "AG BB CU DM DO GD HT JM KN LC PR TT VC",
    ),
    "2104": (
        "Apec Countries",
        "AU BN CA CL CN HK ID JP KR MO MX MY NZ PE PG PH PR RU SG TH TW US VN",
    ),
    "2105": (
        "Asean Countries",
        "BN ID KH LA MM MY PH SG TH VN",
    ),
    "2106": (
        "Asia",
        "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM "
        "MN MO MV MY NP OM PH PK QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    ),
    "2107": (
        "Australasia",
        "AU FJ NC NZ SB VU",
    ),
    "2108": (
        "Balkans",
        "AL BA BG GR HR ME MK RO RS SI",
    ),
    "2109": (
        "Baltic States",
        "EE LT LV",
    ),
    "2110": (
        "Benelux",
        "BE LU NL",
    ),
    "2111": (
        "British Isles",
        "GB IE",
    ),
    "2112": (
        "British West Indies",
        "AG BB BS DM GD JM KN LC TT VC",
    ),
    "2113": (
        "Central America",
        "BZ CR GT HN NI PA SV",
    ),
    "2114": (
        "Commonwealth",
        "AG AU BB BD BN BS BW BZ CA CM CY DM FJ GB GD GH GM GY IN JM KE KI KN LC LK LS MT MU MV "
        "MW MY MZ NA NG NR NZ PG PK SB SC SG SL SZ TO TT TV TZ UG VC VU WS ZA ZM",
    ),
    "2115": (
        "Commonwealth African Territories",
        "BW CM GH GM KE LS MU MW MZ NA NG SC SL SZ TZ UG ZA ZM",
    ),
    "2116": (
        "Commonwealth Asian Territories",
        "BD BN CY IN LK MV MY PK SG",
    ),
    "2117": (
        "Commonwealth Australasian Territories",
        "AU FJ NZ SB VU",
    ),
    "2118": (
        "Commonwealth Of Independent States",
        "AM AZ BY KG KZ MD RU TJ TM UZ",
    ),
    "2119": (
        "Eastern Europe",
        "AL BG BY CZ EE HU LT LV MD PL RO RU SK UA",
    ),
    "2120": (
        "Europe",
        "AD AL AT BA BE BG BY CH CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MD ME "
        "MK MT NL NO PL PT RO RS RU SE SI SK SM UA VA",
    ),
    "2121": (
        "European Economic Area",
        "AT BE BG CY CZ DE DK EE ES FI FR GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK",
    ),
    "2122": (
        "European Continent",
        "AD AL AT BA BE BG BY CH CZ DE DK EE ES FI FR GR HR HU IT LI LT LU LV MC MD ME MK NL NO "
        "PL PT RO RS RU SE SI SK SM UA VA",
    ),
    "2123": (
        "European Union",
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK",
    ),
    "2124": (
        "Gsa Countries",
        "AT CH DE",
    ),
    "2125": (
        "Middle East",
        "AE AF BD BH BT IN IQ IR JO KW LK MN MV NP OM PK QA SA YE",
    ),
    "2126": (
        "Nafta Countries",
        "CA MX PR US",
    ),
    "2127": (
        "Nordic Countries",
        "DK FI IS NO SE",
    ),
    "2128": (
        "North Africa",
        "DZ EG LY MA TN",
    ),
    "2129": (
        "North America",
        "CA MX US",
    ),
    "2130": (
        "Oceania",
        "AU FJ FM KI MH NC NR NZ PF PG PW SB TO TV VU WS",
    ),
    "2131": (
        "Scandinavia",
        "DK NO SE",
    ),
    "2132": (
        "South America",
        "AR BO BR CL CO EC GY PE PY SR UY VE",
    ),
    "2133": (
        "South East Asia",
        "BN ID KH LA MM MY PH SG TH TL VN",
    ),
    "2134": (
        "West Indies",
        "AG BB BS CU DM DO GD HT JM KN LC PR TT VC",
    ),
}

# Numbers of countries that are no more, with those that came after them.
FORMER: dict[str, str] = {
    "200": "CZ SK",
    "230": "ER ET",
    "278": "DE",
    "280": "DE",
    "720": "YE",
    "736": "SD SS",
    "810": "AM AZ BY EE GE KG KZ LT LV MD RU TJ TM UA UZ",
    "886": "YE",
    "890": "BA HR ME MK RS SI",
    "891": "ME RS",
}
