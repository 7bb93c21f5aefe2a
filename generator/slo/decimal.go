package slo

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number, kept as it was written: a bound that went through a float would come out of the compiler as
// 0.0009999999999999432. The zero value is 0.
type Decimal struct {
	unscaled int64 // value = unscaled / 10^scale
	scale    int
}

// maxDigits keeps unscaled inside an int64.
const maxDigits = 18

// ParseDecimal reads [-]digits[.digits], with at most 18 digits. It takes no exponent and no separators.
func ParseDecimal(text string) (Decimal, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || (point && fraction == "") || strings.Trim(whole+fraction, "0123456789") != "" {
		return Decimal{}, fmt.Errorf("%q is not a decimal number", text)
	}
	significant := strings.TrimLeft(whole+fraction, "0")
	if len(significant) > maxDigits || len(fraction) > maxDigits {
		return Decimal{}, fmt.Errorf("%q has more than %d digits", text, maxDigits)
	}
	unscaled, err := strconv.ParseInt("0"+significant, 10, 64)
	if err != nil {
		return Decimal{}, fmt.Errorf("%q is not a decimal number", text)
	}
	if len(digits) != len(text) {
		unscaled = -unscaled
	}
	return Decimal{unscaled, len(fraction)}.normal(), nil
}

// MustDecimal is ParseDecimal for constants; it panics on a malformed one.
func MustDecimal(text string) Decimal {
	d, err := ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

// DecimalOf is the whole number n.
func DecimalOf(n int64) Decimal { return Decimal{unscaled: n} }

func (d Decimal) normal() Decimal {
	for d.scale > 0 && d.unscaled%10 == 0 {
		d.unscaled /= 10
		d.scale--
	}
	return d
}

// String is the shortest exact form: "0.005", "1", "-2.5".
func (d Decimal) String() string {
	if d.scale == 0 {
		return strconv.FormatInt(d.unscaled, 10)
	}
	sign, n := "", d.unscaled
	if n < 0 {
		sign, n = "-", -n
	}
	digits := strconv.FormatInt(n, 10)
	if pad := d.scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	point := len(digits) - d.scale
	return sign + digits[:point] + "." + digits[point:]
}

// Percent is d hundredths: 2 becomes 0.02.
func (d Decimal) Percent() Decimal { return d.Shift(-2) }

// Shift is d × 10^places.
func (d Decimal) Shift(places int) Decimal {
	d.scale -= places
	for d.scale < 0 {
		d.unscaled *= 10
		d.scale++
	}
	return d.normal()
}

// Rat is d as a fraction, for arithmetic that must stay exact.
func (d Decimal) Rat() *big.Rat {
	r := new(big.Rat).SetInt64(d.unscaled)
	return r.Quo(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.scale)), nil)))
}

// Cmp compares: -1 if d < e, 0 if equal, 1 if d > e.
func (d Decimal) Cmp(e Decimal) int {
	scale := max(d.scale, e.scale)
	a, fits := d.at(scale)
	b, both := e.at(scale)
	if !fits || !both {
		return d.Rat().Cmp(e.Rat())
	}
	return cmp.Compare(a, b)
}

// at is the unscaled number at a greater scale, if it fits.
func (d Decimal) at(scale int) (n int64, fits bool) {
	n = d.unscaled
	for range scale - d.scale {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, true
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int { return cmp.Compare(d.unscaled, 0) }

// PlusOne is 1 + d: the factor of a relative bound, 0.35 becomes 1.35.
func (d Decimal) PlusOne() Decimal {
	one := int64(1)
	for range d.scale {
		one *= 10
	}
	return Decimal{d.unscaled + one, d.scale}.normal()
}

// Float is the nearest float64: for comparing with measurements, never for printing a bound. A quotient of two numbers that a float64
// holds exactly, as all whole ones below 2^53 and powers of ten up to 10^22 are, is rounded once, and so the nearest.
func (d Decimal) Float() float64 {
	const exact = 1 << 53
	if -exact < d.unscaled && d.unscaled < exact {
		return float64(d.unscaled) / math.Pow10(d.scale)
	}
	f, _ := d.Rat().Float64()
	return f
}

// Times is d × e, exact as long as the product has 18 digits, else rounded to them.
func (d Decimal) Times(e Decimal) Decimal {
	const short = 1e9 // the product of two such numbers has 18 digits at most
	if max(d.unscaled, -d.unscaled) < short && max(e.unscaled, -e.unscaled) < short && d.scale+e.scale <= maxDigits {
		return Decimal{d.unscaled * e.unscaled, d.scale + e.scale}.normal()
	}
	return Rounded(new(big.Rat).Mul(d.Rat(), e.Rat()), d.scale+e.scale)
}

// Rounded is the fraction as a decimal with at most so many places, and with fewer where 18 digits do not hold them.
func Rounded(r *big.Rat, places int) Decimal {
	for ; places > 0; places-- {
		if d, err := ParseDecimal(r.FloatString(places)); err == nil {
			return d
		}
	}
	d, err := ParseDecimal(r.FloatString(0))
	if err != nil {
		return Decimal{unscaled: math.MaxInt64} // beyond all bounds that can be written
	}
	return d
}

// MarshalText writes String, so that YAML and JSON carry decimals as strings.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Decimal) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDecimal(string(text))
	return err
}
