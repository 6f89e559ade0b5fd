//! Random numbers: the generator's published vectors, and what is made of them.

mod common;

use common::run_everywhere;
use graph::{Builder, DType, Literal, TensorType};
use model::random::{bits, normal, threefry};

fn word(value: u32) -> Literal {
    Literal::from_ints(TensorType::scalar(DType::U32), vec![i64::from(value)]).unwrap()
}

#[track_caller]
fn check(counter: [u32; 2], key: [u32; 2], expected: [u32; 2]) {
    let b = Builder::new("threefry");
    let param = |name: &str| b.param(name, TensorType::scalar(DType::U32), &[]);
    let (key_params, counter_params) = ([param("k0"), param("k1")], [param("c0"), param("c1")]);
    let words = threefry(&b, key_params, counter_params).unwrap();
    words.iter().enumerate().for_each(|(index, &word)| b.output(format!("w{index}"), word));
    let inputs = [key[0], key[1], counter[0], counter[1]].map(word);
    for (place, got) in run_everywhere(&b.finish().unwrap(), &inputs) {
        assert_eq!(got, expected.map(word), "{place}");
    }
}

/// Known answers of Threefry-2x32 with 20 rounds, from the Random123 distribution (file `kat_vectors`).
#[test]
fn threefry_gives_its_published_answers() {
    check([0, 0], [0, 0], [0x6b20_0159, 0x99ba_4efe]);
    check([u32::MAX, u32::MAX], [u32::MAX, u32::MAX], [0x1cb9_96fc, 0xbb00_2be7]);
    check([0x243f_6a88, 0x85a3_08d3], [0x1319_8a2e, 0x0370_7344], [0xc492_3a9c, 0x483d_f7a0]);
}

/// The words of an element are those of its row-major index, whatever the shape.
#[test]
fn an_element_is_named_by_its_index() {
    let words = |shape: &[usize]| {
        let b = Builder::new("bits");
        let key = [b.scalar(DType::U32, 5.0).unwrap(), b.scalar(DType::U32, 6.0).unwrap()];
        let both = bits(&b, key, shape).unwrap();
        both.iter().enumerate().for_each(|(index, &word)| b.output(format!("w{index}"), word));
        let run = graph::interpret(&b.finish().unwrap(), &[]).unwrap();
        run.iter().map(|words| words.ints().unwrap().to_vec()).collect::<Vec<_>>()
    };
    let flat = words(&[24]);
    assert_eq!(words(&[2, 3, 4]), flat);
    assert_eq!(words(&[24, 1]), flat);

    let b = Builder::new("direct");
    let scalar = |value: f64| b.scalar(DType::U32, value).unwrap();
    let direct = threefry(&b, [scalar(5.0), scalar(6.0)], [scalar(0.0), scalar(17.0)]).unwrap();
    direct.iter().enumerate().for_each(|(index, &word)| b.output(format!("w{index}"), word));
    let direct = graph::interpret(&b.finish().unwrap(), &[]).unwrap();
    for (words, word) in flat.iter().zip(direct) {
        assert_eq!(words[17], word.ints().unwrap()[0]);
    }
}

/// Moments of 40,000 numbers lie within four standard errors of those of the normal distribution; none is infinite.
#[test]
fn normal_numbers_are_normal() {
    const COUNT: usize = 40_000;
    let b = Builder::new("normal");
    let key = [b.scalar(DType::U32, 1.0).unwrap(), b.scalar(DType::U32, 2.0).unwrap()];
    b.output("x", normal(&b, key, &[COUNT]).unwrap());
    for (place, got) in run_everywhere(&b.finish().unwrap(), &[]) {
        let numbers = got[0].floats().unwrap();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / COUNT as f64;
        // Each power's expectation, and the variance of the power of one number.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let error = (variance / COUNT as f64).sqrt();
            let got = moment(power);
            assert!((got - expected).abs() < 4.0 * error, "{place}: moment {power} is {got}");
        }
        let within = numbers.iter().filter(|x| x.abs() < 1.0).count() as f64 / COUNT as f64;
        assert!((within - 0.6827).abs() < 0.01, "{place}: {within} within one deviation");
    }
}
