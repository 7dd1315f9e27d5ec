//! Shapley values: how a total is shared among those who made it.

/// The Shapley value of each of `players`, from the value of every coalition.
///
/// `value[mask]` is the value of the coalition whose members are the bits of `mask` (`value[0]` that of nobody), so
/// `value.len()` must be `2^players`. Exact: `phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))`
/// (Shapley 1953). The values sum to `value[all] - value[0]`, and players whom no coalition can tell apart get the same.
pub fn shapley(players: usize, value: &[f64]) -> Vec<f64> {
    debug_assert_eq!(value.len(), 1 << players);
    // Weight of a coalition of each size: 1 / (n * binomial(n - 1, size)).
    let mut weight = vec![0.0; players];
    let mut binomial = 1.0;
    for (size, weight) in weight.iter_mut().enumerate() {
        *weight = 1.0 / (players as f64 * binomial);
        binomial *= (players - 1 - size) as f64 / (size + 1) as f64;
    }
    (0..players)
        .map(|i| {
            (0..value.len())
                .filter(|mask| mask >> i & 1 == 0)
                .map(|mask| {
                    weight[mask.count_ones() as usize] * (value[mask | 1 << i] - value[mask])
                })
                .sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::Draws;

    /// The definition by orders of arrival.
    fn by_permutations(players: usize, value: &[f64]) -> Vec<f64> {
        fn visit(order: &mut Vec<usize>, left: &[usize], value: &[f64], sums: &mut [f64]) -> f64 {
            if left.is_empty() {
                let mut mask = 0;
                for &i in order.iter() {
                    sums[i] += value[mask | 1 << i] - value[mask];
                    mask |= 1 << i;
                }
                return 1.0;
            }
            let mut orders = 0.0;
            for &i in left {
                let rest: Vec<usize> = left.iter().copied().filter(|&j| j != i).collect();
                order.push(i);
                orders += visit(order, &rest, value, sums);
                order.pop();
            }
            orders
        }
        let mut sums = vec![0.0; players];
        let all: Vec<usize> = (0..players).collect();
        let orders = visit(&mut Vec::new(), &all, value, &mut sums);
        sums.iter().map(|sum| sum / orders).collect()
    }

    #[test]
    fn equals_the_mean_over_all_orders_and_adds_up() {
        let mut draws = Draws::new(31);
        for players in 1..=5 {
            let value: Vec<f64> = (0..1 << players).map(|_| draws.normal()).collect();
            let found = shapley(players, &value);
            for (a, b) in found.iter().zip(by_permutations(players, &value)) {
                assert!((a - b).abs() < 1e-12, "{players}");
            }
            let total: f64 = found.iter().sum();
            assert!((total - (value[(1 << players) - 1] - value[0])).abs() < 1e-12);
        }
    }

    #[test]
    fn games_with_known_answers() {
        // Glove game: player 0 has a left glove, 1 and 2 right ones; a pair is worth 1.
        let glove: Vec<f64> = (0..8)
            .map(|m: u32| f64::from(m & 1 == 1 && m > 1))
            .collect();
        // Additive game: everyone brings their own.
        let additive: Vec<f64> = (0..8)
            .map(|m: u32| f64::from(m & 1) + 2.0 * f64::from(m >> 1 & 1))
            .collect();
        // Players 0 and 1 are copies: either brings 1, both bring no more.
        let copies: Vec<f64> = (0..4).map(|m: u32| f64::from(m > 0)).collect();
        let cases = [
            ("glove", 3, glove, vec![2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]),
            ("additive", 3, additive, vec![1.0, 2.0, 0.0]),
            ("copies", 2, copies, vec![0.5, 0.5]),
        ];
        for (name, players, value, expected) in cases {
            for (a, b) in shapley(players, &value).iter().zip(&expected) {
                assert!((a - b).abs() < 1e-12, "{name}");
            }
        }
    }
}
