//! Which sizes of TPU slices exist. Sources: `docs/topologies.md`.

/// The slices of a generation, in chips.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// The slices that follow no rule, smallest first; dimensions that a slice lacks are absent.
    listed: &'static [&'static [usize]],
    /// More chips than this are never in one slice. Above the listed ones and up to this, every box whose sides are
    /// multiples of 4 in ascending order exists, if this is not 0.
    largest_box: usize,
    /// A side of this length is closed to a ring; 0 where all sides of a box of cubes are.
    ring: usize,
}

/// Cubes of 4×4×4 chips, joined by optical switches to any box (Jouppi 2023, section 2.5), and parts of a cube.
const fn cubes(largest_box: usize) -> Sizes {
    Sizes { listed: &[&[2, 2, 1], &[2, 2, 2], &[2, 2, 4], &[2, 4, 4]], largest_box, ring: 0 }
}

/// Parts of a torus of 16×16.
const PLANE: Sizes = Sizes {
    listed: &[&[1, 1], &[2, 2], &[2, 4], &[4, 4], &[4, 8], &[8, 8], &[8, 16], &[16, 16]],
    largest_box: 0,
    ring: 16,
};

impl Sizes {
    /// The slices of a TPU generation.
    pub(super) fn of(generation: &str) -> Option<Sizes> {
        Some(match generation {
            "v2" => {
                Sizes { listed: &[&[2, 2], &[4, 4], &[8, 8], &[8, 16], &[16, 16]], largest_box: 0, ring: 16 }
            }
            "v3" => Sizes {
                listed: &[&[2, 2], &[4, 4], &[4, 8], &[8, 8], &[8, 16], &[16, 16], &[16, 32], &[32, 32]],
                largest_box: 0,
                ring: 32,
            },
            "v4" => cubes(16 * 16 * 16),
            "v5p" => cubes(16 * 20 * 28),
            "7x" => cubes(16 * 24 * 24),
            "v5e" | "v6e" => PLANE,
            _ => return None,
        })
    }

    pub(super) fn dimensions(&self) -> usize {
        self.listed.first().map_or(0, |shape| shape.len())
    }

    pub(super) fn contains(&self, shape: &[usize]) -> bool {
        self.listed.contains(&shape) || self.is_box(shape)
    }

    fn is_box(&self, shape: &[usize]) -> bool {
        self.largest_box > 0
            && shape.len() == self.dimensions()
            && shape.iter().all(|&side| side > 0 && side % 4 == 0)
            && shape.is_sorted()
            && chips(shape) <= self.largest_box as f64
    }

    /// Every slice, by number of chips, the most cubic first among equals.
    pub(super) fn all(&self) -> Vec<Vec<usize>> {
        let mut all: Vec<Vec<usize>> = self.listed.iter().map(|shape| shape.to_vec()).collect();
        let cubes = self.largest_box / 64;
        for x in (1..).take_while(|x| x * x * x <= cubes) {
            for y in (x..).take_while(|y| x * y * y <= cubes) {
                all.extend((y..=cubes / (x * y)).map(|z| vec![4 * x, 4 * y, 4 * z]));
            }
        }
        let longest = |shape: &[usize]| shape.iter().copied().max();
        all.sort_by_key(|shape| (shape.iter().product::<usize>(), longest(shape)));
        all
    }

    /// Which sides of a slice are closed to rings.
    pub(super) fn wrap(&self, shape: &[usize]) -> Vec<bool> {
        let whole_cubes = self.ring == 0 && self.is_box(shape);
        shape.iter().map(|&side| whole_cubes || (self.ring > 0 && side == self.ring)).collect()
    }

    /// How a shape is refused, and what to use instead: with how many slices.
    pub(super) fn nearest(&self, shape: &[usize]) -> (String, Vec<(Vec<usize>, usize)>) {
        let all = self.all();
        let wanted = chips(shape);
        let written = |shape: &[usize]| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let most = all.last().map_or(0.0, |shape| chips(shape));
        let Some(largest) = all.iter().find(|shape| wanted > 0.0 && chips(shape) == most) else {
            let smallest = all.into_iter().take(1).map(|shape| (shape, 1)).collect();
            return ("a slice has at least one chip".to_owned(), smallest);
        };
        if wanted > most {
            let reason = format!("one slice has at most {} chips ({})", most, written(largest));
            let slices = (wanted / most).ceil();
            // Beyond what anyone has joined, many slices are no better an answer than one.
            let slices = if slices <= super::limits::MOST_SLICES as f64 { slices as usize } else { 1 };
            return (reason, vec![(largest.clone(), slices)]);
        }
        let mut sorted = shape.to_vec();
        sorted.sort_unstable();
        // The best is the same box in another order; then the same number of chips; then the next below and above.
        let distance = |candidate: &&Vec<usize>| {
            let mut candidate: Vec<usize> = candidate.to_vec();
            candidate.sort_unstable();
            let sides = candidate.iter().rev().zip(sorted.iter().rev());
            sides.map(|(&a, &b)| (a as f64 / b.max(1) as f64).ln().abs()).sum::<f64>()
        };
        let closest = |count: f64| {
            let equal = all.iter().filter(|candidate| chips(candidate) == count);
            equal.min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        let below = all.iter().rev().map(|shape| chips(shape)).find(|&count| count <= wanted);
        let above = all.iter().map(|shape| chips(shape)).find(|&count| count >= wanted);
        let mut nearest: Vec<_> = below.into_iter().chain(above.filter(|_| below != above)).collect();
        nearest.sort_by(|a, b| (a / wanted).ln().abs().total_cmp(&(b / wanted).ln().abs()));
        let nearest = nearest.into_iter().filter_map(closest).map(|shape| (shape.clone(), 1)).collect();
        let reason = if shape.len() != self.dimensions() {
            format!("a slice has {} dimensions", self.dimensions())
        } else {
            format!("no slice is {}", written(shape))
        };
        (reason, nearest)
    }
}

/// As a float: the product of sides that someone typed may not fit an integer.
fn chips(shape: &[usize]) -> f64 {
    shape.iter().map(|&side| side as f64).product()
}
