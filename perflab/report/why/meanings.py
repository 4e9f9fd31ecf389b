"""What each kind of LLVM's remarks means, and what usually helps: one table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

VECTORISER, SLP, UNROLLER, INLINER, LICM = "loop-vectorize", "slp-vectorizer", "loop-unroll", "inline", "licm"
OF_LOOPS = (VECTORISER, UNROLLER, SLP)  # what decides of a loop; the others are of single instructions


@dataclass(frozen=True)
class Meaning:
    """A kind of remark: the pass that gives it, what became of its wish, and one sentence.

    `outcome` is "passed" where the pass did it, "missed" where it did not, "analysis" for a reason.
    """

    by: str
    outcome: str
    pattern: str
    sentence: str

    @property
    def decides(self) -> bool:
        """Whether it says that a loop was vectorised, or why not; not where nothing more is to be had."""
        told = self.sentence not in (BY_HAND, AGAIN, SCALAR)
        return told and self.outcome in ("passed", "missed")


NO_ORDER = "LLVM cannot show that no turn reads what another one writes, so turns keep their order; "
BY_HAND = (
    "the values here are no plain numbers, but vectors that the source itself works on, or tuples; a kernel"
    " that is written in vectors needs no further ones"
)
NOT = "loop not vectorized: "
EXITS = (
    "(loop control flow is not understood|Cannot vectorize early exit|Early exit loop|Incorrect number of"
    " successors|loop contains a switch|Loop contains an unsupported switch|Unsupported basic block"
    "|Auto-vectorization of loops with|Loop has too many)"
)
VARIABLE = "keep it in a variable during the loop, and in the array before and after it"
AGAIN = "an earlier pass has vectorised this loop: nothing is to be done"
SCALAR = "the loop stays as it is written: an instruction works on one number, unless the source has vectors"
UNKNOWN = Meaning("", "", "", "")

# The first pattern that begins the words of a remark is taken. Of LLVM 14 to 22.
MEANINGS = tuple(Meaning(*row) for row in (
    (VECTORISER, "passed", r"vectorized (outer )?loop",
     "vectorised: the width is how many numbers an instruction works on, the interleaved count how many such"
     " instructions do not wait for one another"),
    (VECTORISER, "passed", r"interleaved loop",
     "not vectorised, but several turns run at once, as chains that do not wait for one another"),
    (VECTORISER, "analysis", r"the cost-model indicates that interleaving is not beneficial",
     "one vector at a time is expected to be as fast as several: nothing is to be done"),
    (VECTORISER, "missed", r"the cost-model indicates that vectorization is not beneficial",
     "vectors are expected to be no faster, mostly since elements are not neighbours in memory: let the"
     " innermost loop run over the last axis"),
    (VECTORISER, "missed", NOT + r"cannot prove it is safe to reorder floating-point",
     "a floating-point sum depends on its order, and vectors would add in another: fastmath={'reassoc'}"
     " permits it, several accumulators do it by hand"),
    (VECTORISER, "missed", NOT + r"cannot prove it is safe to reorder memory",
     NO_ORDER + "fewer arrays in the loop, or contiguous ones, help it"),
    (VECTORISER, "missed", NOT + r"unsafe dependent memory operations",
     "a turn reads what an earlier turn wrote, or may do so: " + VARIABLE + ", or write to another array"),
    (VECTORISER, "missed", NOT + r"cannot identify array bounds",
     NO_ORDER + "it happens where an index is itself read from an array or computed: index by the loop's"
     " variable"),
    (VECTORISER, "missed", NOT + r"(could not determine|unable to calculate|Cannot vectorize uncountable)",
     "how often the loop turns is not known before it begins: write it as `for … in range(…)`"),
    (VECTORISER, "missed", NOT + EXITS,
     "the loop can be left in the middle: by break, return or an exception, as of a division by zero, which"
     " error_model='numpy' does not raise, or of an index out of bounds"),
    (VECTORISER, "missed", NOT + r"control flow cannot be substituted for a select",
     "an `if` in the loop writes, or computes what must not be computed in vain: compute both values and"
     " choose one, with min, max or a conditional expression"),
    (VECTORISER, "missed", NOT + r"call instruction cannot be vectorized",
     "the loop calls what has no form for vectors (exp or tanh of a library, a helper that was not inlined):"
     " compute it by arithmetic, or in a loop of its own"),
    (VECTORISER, "missed", NOT + r"(instruction return type|store instruction|instruction) cannot be",
     BY_HAND),
    (VECTORISER, "missed", NOT + r"value that could not be identified as reduction",
     "a value that changes from turn to turn is used after the loop, and is no plain sum, product, minimum or"
     " maximum: let each loop have one accumulator of one dtype"),
    (VECTORISER, "missed", NOT + r"(integer )?loop induction variable",
     "the loop does not count by a constant step: write it as `for … in range(…)`"),
    (VECTORISER, "passed", NOT + r"vectorization and interleaving are explicitly disabled, or",
     AGAIN),
    (VECTORISER, "missed", NOT + r"write to a loop invariant address",
     "every turn writes the same element: " + VARIABLE),
    (VECTORISER, "missed", NOT + r"(.*(memory|runtime|pointer) checks?|Too many SCEV)",
     "too many arrays would have to be shown to be apart before the loop runs: use fewer of them in it"),
    (VECTORISER, "missed", NOT + r".*not the innermost",
     "LLVM vectorises innermost loops only"),
    (VECTORISER, "missed", r"(loop not vectorized: .*|The )trip count|Vectorizing a loop with a low",
     "the loop turns too few times for vectors"),
    (VECTORISER, "analysis", r"floating point conversion changes vector width",
     "numbers of two sizes are mixed, and converting them costs more than half of what vectors gain: keep one"
     " dtype, constants included"),
    (VECTORISER, "missed", r"loop not vectorized$",
     SCALAR),
    (SLP, "passed", r"(Stores )?SLP vectorized|Vectorized horizontal reduction",
     "neighbouring scalar operations were joined into vectors"),
    (SLP, "missed", r"(List vectorization was|Vectorizing horizontal reduction is) possible but",
     "neighbouring scalar operations could be joined into vectors, which is expected to be no faster"),
    (SLP, "missed", r"Cannot SLP vectorize",
     "neighbouring scalar operations differ in kind, order or dtype, so they are not joined into vectors"),
    (UNROLLER, "passed", r"completely unrolled loop",
     "the loop is gone: its turns stand one after the other"),
    (UNROLLER, "passed", r"unrolled loop",
     "several turns stand one after the other, so that counting and jumping cost less; turns left over run in"
     " a loop of their own"),
    (UNROLLER, "passed", r"peeled loop",
     "the first turns stand before the loop, where they differ from the others"),
    (UNROLLER, "missed", r"(unable|failed) to (fully |completely )?unroll|loop not unrolled",
     "the turns were not put one after the other, mostly since the loop is too large or of unknown length"),
    (INLINER, "missed", r"'NRT_\w+' (is )?not inlined",
     "Numba counts the references of an array here, by a call: it costs little unless it stands in the"
     " innermost loop, so make and slice arrays outside of it"),
    (INLINER, "missed", r"'.*' (will not be|not) inlined into '.*' because its definition is unavailable",
     "the function is a library's (BLAS, exp, Numba's own): it stays a call"),
    (INLINER, "missed", r"'.*' (will not be|not|is not) inlined into '.*' because too costly",
     "the function is large, so it stays a call: where it stands in a hot loop, @njit(inline='always') takes"
     " it in, or make it smaller"),
    (INLINER, "missed", r"'.*' (will not be|not|is not) inlined into",
     "it stays a call: Numba asks for that, or it calls itself; in a hot loop write its code where it is"
     " used"),
    (INLINER, "passed", r"'.*' inlined into",
     "the code of the function stands here in place of a call"),
    (LICM, "passed", r"hoisting ",
     "it is the same in all turns, so it is computed once, before the loop"),
    (LICM, "passed", r"sinking ",
     "only the last turn's is used, so it is computed once, after the loop"),
    (LICM, "passed", r"(hoisted|moving|moved) (accesses|access|load|store)|Moving accesses",
     "the element stays in a register during the loop, and is stored once after it"),
    (LICM, "missed", r"failed to move load.* because the loop may invalidate its value",
     "an element, or an array's shape or address, is loaded again in each turn, since a store in the loop"
     " might change it: read it into a variable before the loop"),
    (LICM, "missed", r"failed to hoist load.* because load is conditionally executed",
     "a load is the same in all turns, but not every turn makes it, so it stays in the loop: read it into a"
     " variable before the loop"),
    (LICM, "missed", r"failed to (move|hoist|sink|promote)",
     "it is the same in all turns, and LLVM could not show that it may be done once, outside the loop"),
))  # fmt: skip


@lru_cache(maxsize=4096)
def meaning(words: str) -> Meaning:
    """The kind of a remark with these words; UNKNOWN, without a sentence, for words that LLVM did not have.

    >>> meaning("hoisting fadd").by, meaning("a word of a later LLVM").sentence
    ('licm', '')
    """
    return next((each for each in MEANINGS if re.match(each.pattern, words, re.IGNORECASE)), UNKNOWN)
