//! Laws that runs were made by are found again, and say what a further run reaches.

use analyses::scaling::{Law, Point, fit};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};
use tasks::statistics::Bootstrap;

const NONE: Bootstrap = Bootstrap { resamples: 0, seed: 0 };

/// Hoffmann et al. 2022, equation 10.
fn chinchilla(parameters: f64, tokens: f64) -> f64 {
    1.69 + 406.4 / parameters.powf(0.34) + 410.7 / tokens.powf(0.28)
}

/// Numbers as from a normal distribution of deviation 1: sums of twelve from 0 to 1, less 6.
struct Noise(Xoshiro256PlusPlus);

impl Noise {
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.0.next_u64() as f64 / u64::MAX as f64).sum::<f64>() - 6.0
    }
}

/// Ten sizes, each trained on three amounts of text, with errors of `error` of the loss.
fn ladder(seed: u64, error: f64) -> Vec<Point> {
    let mut noise = Noise(Xoshiro256PlusPlus::seed_from_u64(seed));
    let mut points = Vec::new();
    for size in 0..10 {
        for amount in 0..3 {
            let parameters = 4e7 * 2.5_f64.powi(size);
            let tokens = 2e9 * 8_f64.powi(amount);
            let loss = chinchilla(parameters, tokens) * (error * noise.next()).exp();
            points.push(Point { parameters, tokens, loss });
        }
    }
    points
}

#[test]
fn constants_without_noise_are_found() {
    let found = fit(Law::Joint, true, &ladder(0, 0.0), &NONE).unwrap();
    for (name, expected) in [("E", 1.69), ("A", 406.4), ("alpha", 0.34), ("B", 410.7), ("beta", 0.28)] {
        let value = found.constant(name).unwrap().value;
        assert!((value / expected - 1.0).abs() < 1e-3, "{name} = {value}");
    }
    assert!(found.error < 1e-6, "{}", found.error);
    let at_280b = found.predict(&Point { parameters: 280e9, tokens: 300e9, loss: 0.0 }).unwrap();
    assert!((at_280b.loss - chinchilla(280e9, 300e9)).abs() < 1e-4);
}

#[test]
fn laws_of_one_variable_are_found() {
    let points = |law: Law| -> Vec<Point> {
        (0..8)
            .map(|place| {
                let x = 4e7 * 3_f64.powi(place);
                let (parameters, tokens) = match law {
                    Law::Parameters => (x, 3e11),
                    Law::Tokens => (1e9, x * 100.0),
                    Law::Compute | Law::Joint => (x, 20.0 * x),
                };
                let of = if law == Law::Compute { 6.0 * parameters * tokens } else { x };
                Point {
                    parameters,
                    tokens,
                    loss: 1.8 + 60.0 / of.powf(if law == Law::Compute { 0.08 } else { 0.2 }),
                }
            })
            .collect()
    };
    for (law, exponent, expected) in
        [(Law::Parameters, "alpha", 0.2), (Law::Tokens, "beta", 0.2), (Law::Compute, "gamma", 0.08)]
    {
        let found = fit(law, true, &points(law), &NONE).unwrap();
        let value = found.constant(exponent).unwrap().value;
        assert!((value / expected - 1.0).abs() < 5e-3, "{law:?}: {value}");
        assert!((found.constant("E").unwrap().value - 1.8).abs() < 0.02, "{law:?}: {found:?}");
    }
    // Without the constant, three runs are enough for two numbers.
    let pure: Vec<Point> = [1e8, 1e9, 1e10]
        .map(|parameters: f64| Point { parameters, tokens: 1e10, loss: 10.0 / parameters.powf(0.076) })
        .into();
    let found = fit(Law::Parameters, false, &pure, &NONE).unwrap();
    assert!((found.constant("alpha").unwrap().value - 0.076).abs() < 1e-6 && found.constant("E").is_none());
}

/// Of twenty ladders with noise, constants and a left-out run lie in their intervals of 95% as often as that.
#[test]
fn intervals_hold_what_the_ladders_were_made_by() {
    let bootstrap = Bootstrap { resamples: 60, seed: 3 };
    let left_out = Point { parameters: 280e9, tokens: 300e9, loss: 0.0 };
    let (mut constants, mut predictions) = (0, 0);
    for seed in 0..20 {
        let found = fit(Law::Joint, true, &ladder(seed, 0.003), &bootstrap).unwrap();
        for (name, expected) in [("E", 1.69), ("alpha", 0.34), ("beta", 0.28)] {
            constants += usize::from(found.constant(name).unwrap().interval.unwrap().contains(expected));
        }
        let predicted = found.predict(&left_out).unwrap();
        let error = (predicted.loss - chinchilla(280e9, 300e9)).abs();
        assert!(error < 0.05, "{seed}: {error} nats");
        predictions += usize::from(predicted.interval.unwrap().contains(chinchilla(280e9, 300e9)));
    }
    // 57 and 19 are expected; fewer than these come by chance once in some thousands.
    assert!(constants >= 48 && predictions >= 16, "{constants} of 60, {predictions} of 20");
}

/// The same of the laws of one variable, of twelve runs each.
#[test]
fn intervals_of_laws_of_one_variable_hold_what_the_ladders_were_made_by() {
    let bootstrap = Bootstrap { resamples: 50, seed: 5 };
    for (law, exponent) in [(Law::Parameters, "alpha"), (Law::Tokens, "beta"), (Law::Compute, "gamma")] {
        let true_loss = |of: f64| 1.8 + 60.0 / of.powf(0.2);
        let point = |place: i32| {
            let x = 4e7 * 2_f64.powi(place);
            match law {
                Law::Parameters => Point { parameters: x, tokens: 1e11, loss: true_loss(x) },
                Law::Tokens => Point { parameters: 1e9, tokens: x, loss: true_loss(x) },
                // C = 6 N D of one parameter.
                Law::Compute | Law::Joint => Point { parameters: 1.0, tokens: x / 6.0, loss: true_loss(x) },
            }
        };
        let (mut constants, mut predictions) = (0, 0);
        for seed in 0..20 {
            let mut noise = Noise(Xoshiro256PlusPlus::seed_from_u64(1000 + seed));
            let noisy =
                |place| Point { loss: point(place).loss * (0.003 * noise.next()).exp(), ..point(place) };
            let found = fit(law, true, &(0..12).map(noisy).collect::<Vec<_>>(), &bootstrap).unwrap();
            for (name, expected) in [("E", 1.8), (exponent, 0.2)] {
                constants += usize::from(found.constant(name).unwrap().interval.unwrap().contains(expected));
            }
            let left_out = point(14);
            predictions +=
                usize::from(found.predict(&left_out).unwrap().interval.unwrap().contains(left_out.loss));
        }
        // 38 and 19 are expected.
        assert!(constants >= 32 && predictions >= 16, "{law:?}: {constants} of 40, {predictions} of 20");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let bootstrap = Bootstrap { resamples: 20, seed: 9 };
    let once = || fit(Law::Joint, true, &ladder(1, 0.01), &bootstrap).unwrap();
    assert_eq!(once(), once());
}

#[test]
fn what_no_law_can_be_fitted_to_is_said() {
    let check = |law, points: &[Point], expected: &str| {
        assert_eq!(fit(law, true, points, &NONE).unwrap_err().to_string(), expected);
    };
    let points = ladder(0, 0.0);
    check(Law::Joint, &points[..5], "runs for this law: 5 of them, and 6 are needed");
    check(
        Law::Parameters,
        &points[..4],
        "2 different numbers of parameters in 4 runs: a power of them needs three or more",
    );
    let mut wrong = points.clone();
    wrong[3].loss = 0.0;
    check(Law::Joint, &wrong, "loss = 0: a number above 0 is expected");
    wrong[3].loss = f64::NAN;
    check(Law::Joint, &wrong, "loss = NaN: a number above 0 is expected");
}
