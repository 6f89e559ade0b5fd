//! Numbers of labels: which class was right and which was chosen.

/// F1 of class 1: the harmonic mean of its precision and its recall, 0 where it was never both right and chosen. Each pair is the
/// right class and the chosen one.
pub fn f1(labels: &[(usize, usize)]) -> f64 {
    let count = |is: fn(&(usize, usize)) -> bool| labels.iter().filter(|pair| is(pair)).count() as f64;
    let hits = count(|&pair| pair == (1, 1));
    let (gold, chosen) = (count(|&(gold, _)| gold == 1), count(|&(_, chosen)| chosen == 1));
    if hits == 0.0 { 0.0 } else { 2.0 * hits / (gold + chosen) }
}

/// Matthews' correlation coefficient of right and chosen classes, for any number of them (Gorodkin 2004); 0 where it is not
/// defined.
pub fn matthews(labels: &[(usize, usize)]) -> f64 {
    let classes = labels.iter().map(|&(gold, chosen)| gold.max(chosen) + 1).max().unwrap_or(0);
    let (mut golds, mut choices) = (vec![0.0; classes], vec![0.0; classes]);
    let mut right = 0.0;
    for &(gold, chosen) in labels {
        golds[gold] += 1.0;
        choices[chosen] += 1.0;
        right += f64::from(u8::from(gold == chosen));
    }
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let all = labels.len() as f64;
    let spread = (all * all - product(&choices, &choices)) * (all * all - product(&golds, &golds));
    if spread == 0.0 { 0.0 } else { (right * all - product(&golds, &choices)) / spread.sqrt() }
}
