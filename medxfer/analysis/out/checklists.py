"""Which items of three checklists methods.md and the files beside it answer, and which only authors can."""

from medxfer.analysis.out.references import CLAIM_2024, STARD_AI, TRIPOD_AI

CHECKLISTS = {"CLAIM 2024": CLAIM_2024, "TRIPOD+AI": TRIPOD_AI, "STARD-AI": STARD_AI}
CLAIM, TRIPOD, STARD = CHECKLISTS
ANSWERED = (  # topic, the checklists that ask for it, where the answer is
    ("how images were prepared", (CLAIM, TRIPOD), "Images"),
    ("how the data were divided, and at which level the parts are disjoint", (CLAIM, TRIPOD), "Data"),
    ("flow of the data, from received to tested, with classes by part", (CLAIM, TRIPOD, STARD), "Data; report.html"),
    ("model, and how its parameters were initialised", (CLAIM, TRIPOD), "Networks"),
    ("training, and how the final model was selected", (CLAIM, TRIPOD), "Training"),
    ("software and its versions", (CLAIM,), "Software"),
    ("measures of performance, and how uncertainty was computed", (CLAIM, TRIPOD, STARD), "Comparison"),
    ("threshold of a decision, and how it was chosen", (TRIPOD, STARD), "Comparison"),
    ("class imbalance, and how it was handled", (TRIPOD,), "Data, Training"),
    ("estimates with their precision", (CLAIM, TRIPOD, STARD), "table.md, table.tex"),
    ("results cross-tabulated with the reference standard", (STARD,), "report.html, for binary tasks"),
    ("calibration", (TRIPOD,), "report.html, for binary tasks"),
)
MADE = ("Images", "Networks", "Training", "Data", "Data; report.html")  # what a table of scores does not tell
CLINICAL = "demographic and clinical characteristics"
# Answered where the label table or the headers have them.
DEMOGRAPHIC = ("age and sex by part", (CLAIM, TRIPOD, STARD), "Data; report.html")
EXTERNAL = ("test on external data", (CLAIM, TRIPOD), "External validation; report.html")
AUTHORS = (
    ("intended use and clinical role", (CLAIM, TRIPOD, STARD)),
    ("source of the data: setting, places, dates, eligibility", (CLAIM, TRIPOD, STARD)),
    ("image acquisition: scanners and protocols", (CLAIM,)),
    ("reference standard: definition, reasons, who annotated and with what agreement", (CLAIM, TRIPOD, STARD)),
    ("de-identification", (CLAIM,)),
    (CLINICAL, (CLAIM, TRIPOD, STARD)),
    ("reasons for the sample size", (CLAIM, TRIPOD, STARD)),
    ("missing data", (CLAIM, TRIPOD, STARD)),
    ("test on external data", (CLAIM, TRIPOD)),
    ("fairness between groups of patients", (TRIPOD,)),
    ("patient and public involvement", (TRIPOD,)),
    ("limitations and implications", (CLAIM, TRIPOD, STARD)),
    ("ethics, registration, protocol, funding, interests, availability of data and code", (CLAIM, TRIPOD, STARD)),
)


def checklists(demographic: bool, external: bool, table: bool) -> str:
    """`demographic`: whether anything is known of age or sex; `external`: whether there is an external set; `table`:
    whether the scores alone are known, so that what made them is left to the authors."""
    left_to_authors = [one for one in ANSWERED if table and not set(one[2].split(", ")).isdisjoint(MADE)]
    answered = (
        *(one for one in ANSWERED if one not in left_to_authors),
        *([DEMOGRAPHIC] if demographic else []),
        *([EXTERNAL] if external else []),
    )
    rows = [f"| {topic} | {', '.join(asked)} | {where} |" for topic, asked, where in answered]
    left = {CLINICAL: "other " + CLINICAL} if demographic else {}
    alone = [f"| {topic} | {', '.join(asked)} |" for topic, asked, _ in left_to_authors]
    alone += [
        f"| {left.get(topic, topic)} | {', '.join(asked)} |"
        for topic, asked in AUTHORS
        if not (external and topic == EXTERNAL[0])
    ]
    references = [f"- {name}: {one.text} `{one.key}`" for name, one in CHECKLISTS.items()]
    return "\n".join(
        ["## Checklists", "", "Items are named by their subject; look up their numbers in the checklist.", "",
         "Answered, in part or whole, by this text and the files beside it:", "",
         "| subject | asked for by | answered in |", "| --- | --- | --- |", *rows, "",
         "Only the authors can answer:", "", "| subject | asked for by |", "| --- | --- |", *alone, "", *references]
    )  # fmt: skip
