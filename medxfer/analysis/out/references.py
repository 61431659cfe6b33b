"""What methods.md cites: as text in the order of citation, and as references.bib with the same keys."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One publication. `authors` as in Vancouver style, "DeLong ER, DeLong DM" or with ", et al" at the end."""

    key: str  # in references.bib
    authors: str
    title: str
    place: str  # journal, conference or publisher
    year: int
    kind: str = "article"  # or inproceedings, book
    volume: str = ""
    number: str = ""
    pages: str = ""

    @property
    def text(self) -> str:
        where = self.volume + (f"({self.number})" if self.number else "") + (f":{self.pages}" if self.pages else "")
        return f"{self.authors}. {self.title}. {self.place} {self.year}{f';{where}' if where else ''}."

    @property
    def bibtex(self) -> str:
        place = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}[self.kind]
        given = {
            "author": " and ".join(map(_name, self.authors.split(", "))),
            "title": f"{{{self.title}}}",  # its capitals stay
            place: self.place,
            "year": str(self.year),
            "volume": self.volume,
            "number": self.number,
            "pages": self.pages.replace("–", "--"),
        }
        lines = [f"  {name} = {{{value.replace('&', chr(92) + '&')}}}," for name, value in given.items() if value]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])


def bibliography(cited: Iterable[Reference]) -> str:
    """What references.bib holds."""
    return "\n\n".join(one.bibtex for one in cited) + "\n"


class Cited:
    """References in the order in which they are first cited."""

    def __init__(self) -> None:
        self.found: list[Reference] = []

    def __call__(self, *references: Reference) -> str:
        """'[1, 2]', as the text cites them."""
        for one in references:
            if one not in self.found:
                self.found.append(one)
        return f"[{', '.join(str(self.found.index(one) + 1) for one in references)}]"

    @property
    def listed(self) -> str:
        """A numbered list; each ends in its key."""
        return "\n".join(f"{i}. {one.text} `{one.key}`" for i, one in enumerate(self.found, 1))


def _name(author: str) -> str:
    """'DeLong ER' → 'DeLong, E. R.'; 'et al' → 'others'."""
    if author == "et al":
        return "others"
    family, _, initials = author.rpartition(" ")
    return f"{family}, {' '.join(f'{letter}.' for letter in initials)}"


ADAMW = Reference(
    "loshchilov2019", "Loshchilov I, Hutter F", "Decoupled weight decay regularization", "ICLR", 2019, "inproceedings"
)
CALIBRATION = Reference(
    "vancalster2019", "Van Calster B, et al", "Calibration: the Achilles heel of predictive analytics", "BMC Med", 2019,
    volume="17", pages="230",
)  # fmt: skip
CLUSTERS = Reference(
    "obuchowski1997", "Obuchowski NA", "Nonparametric analysis of clustered ROC curve data", "Biometrics", 1997,
    volume="53", pages="567–578",
)  # fmt: skip
DELONG = Reference(
    "delong1988", "DeLong ER, DeLong DM, Clarke-Pearson DL",
    "Comparing the areas under two or more correlated receiver operating characteristic curves: a nonparametric "
    "approach", "Biometrics", 1988, volume="44", pages="837–845",
)  # fmt: skip
DUNNETT = Reference(
    "dunnett1955", "Dunnett CW", "A multiple comparison procedure for comparing several treatments with a control",
    "J Am Stat Assoc", 1955, volume="50", pages="1096–1121",
)  # fmt: skip
SATTERTHWAITE = Reference(
    "satterthwaite1946", "Satterthwaite FE", "An approximate distribution of estimates of variance components",
    "Biometrics Bull", 1946, volume="2", pages="110–114",
)  # fmt: skip
SERIES = {  # how series are scored
    "mean": Reference(
        "kittler1998", "Kittler J, Hatef M, Duin RPW, Matas J", "On combining classifiers",
        "IEEE Trans Pattern Anal Mach Intell", 1998, volume="20", pages="226–239",
    ),
    "max": Reference(
        "dietterich1997", "Dietterich TG, Lathrop RH, Lozano-Pérez T",
        "Solving the multiple instance problem with axis-parallel rectangles", "Artif Intell", 1997,
        volume="89", pages="31–71",
    ),
}  # fmt: skip
SMYTH = Reference(
    "smyth2004", "Smyth GK",
    "Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
    "Stat Appl Genet Mol Biol", 2004, volume="3", pages="3",
)  # fmt: skip
HOLM = Reference(
    "holm1979", "Holm S", "A simple sequentially rejective multiple test procedure", "Scand J Stat", 1979,
    volume="6", pages="65–70",
)  # fmt: skip
ROCKETTE = Reference(
    "obuchowski1995", "Obuchowski NA, Rockette HE",
    "Hypothesis testing of diagnostic accuracy for multiple readers and multiple tests: an ANOVA approach with "
    "dependent observations", "Commun Stat Simul Comput", 1995, volume="24", pages="285–308",
)  # fmt: skip
TOST = Reference(
    "schuirmann1987", "Schuirmann DJ",
    "A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of average "
    "bioavailability", "J Pharmacokinet Biopharm", 1987, volume="15", pages="657–680",
)  # fmt: skip
YOUDEN = Reference(
    "youden1950", "Youden WJ", "Index for rating diagnostic tests", "Cancer", 1950, volume="3", pages="32–35"
)
LAN_DEMETS = Reference(
    "lan1983", "Lan KKG, DeMets DL", "Discrete sequential boundaries for clinical trials", "Biometrika", 1983,
    volume="70", pages="659–663",
)  # fmt: skip
KIM_DEMETS = Reference(
    "kim1987", "Kim K, DeMets DL",
    "Design and analysis of group sequential tests based on the type I error spending rate function", "Biometrika",
    1987, volume="74", pages="149–154",
)  # fmt: skip
JENNISON = Reference(
    "jennison2000", "Jennison C, Turnbull BW", "Group sequential methods with applications to clinical trials",
    "Chapman & Hall/CRC", 2000, "book",
)  # fmt: skip
CLAIM_2024 = Reference(
    "tejani2024", "Tejani AS, et al", "Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update",
    "Radiol Artif Intell", 2024, volume="6", number="4", pages="e240300",
)  # fmt: skip
TRIPOD_AI = Reference(
    "collins2024", "Collins GS, et al",
    "TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use regression or machine "
    "learning methods", "BMJ", 2024, volume="385", pages="e078378",
)  # fmt: skip
STARD_AI = Reference(
    "sounderajah2025", "Sounderajah V, et al",
    "The STARD-AI reporting guideline for diagnostic accuracy studies using artificial intelligence", "Nat Med", 2025,
)  # fmt: skip
