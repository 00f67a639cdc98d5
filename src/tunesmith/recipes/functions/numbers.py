"""Small functions on numbers: raw code that the starter teacher can translate, for the tiny stories."""


def clamp(value: float, low: float, high: float) -> float:
    """Return the value, or the nearer end of the range from low to high if it lies outside."""
    if value < low:
        return low
    if value > high:
        return high
    return value


def is_leap_year(year: int) -> bool:
    """Return whether a year of the Gregorian calendar has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def triangular(number: int) -> int:
    """Return the sum of the whole numbers from 1 to the given one."""
    return number * (number + 1) // 2


def to_fahrenheit(celsius: float) -> float:
    """Return a temperature in degrees Fahrenheit, given in degrees Celsius."""
    return celsius * 9 / 5 + 32


def greatest_common_divisor(first: int, second: int) -> int:
    """Return the largest whole number that divides both numbers (Euclid's algorithm)."""
    while second != 0:
        rest = first % second
        first = second
        second = rest
    return first


def digit_sum(number: int) -> int:
    """Return the sum of the decimal digits of a whole number that is not negative."""
    total = 0
    while number > 0:
        total = total + number % 10
        number = number // 10
    return total


def collatz_steps(number: int) -> int:
    """Return how many steps of halving or tripling plus one lead from a positive number to 1."""
    steps = 0
    while number > 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps = steps + 1
    return steps


def sign(value: float) -> int:
    """Return 1 for a positive number, -1 for a negative one and 0 for zero."""
    if value > 0:
        return 1
    if value < 0:
        return -1
    return 0


def is_prime(number: int) -> bool:
    """Return whether a whole number is divisible by exactly two positive numbers."""
    if number < 2:
        return False
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor = divisor + 1
    return True


def factorial(number: int) -> int:
    """Return the product of the whole numbers from 1 to the given one, which is not negative."""
    product = 1
    while number > 1:
        product = product * number
        number = number - 1
    return product


def manhattan(x: float, y: float, other_x: float, other_y: float) -> float:
    """Return the distance of two points along the axes."""
    across = x - other_x
    along = y - other_y
    if across < 0:
        across = -across
    if along < 0:
        along = -along
    return across + along


def days_in_month(month: int, leap: bool) -> int:
    """Return how many days a month from 1 to 12 has, in a leap year or another."""
    if month == 2:
        return 29 if leap else 28
    return 30 + (month + month // 8) % 2


def median_of_three(first: float, second: float, third: float) -> float:
    """Return the middle one of three numbers by size."""
    low = first if first < second else second
    high = second if first < second else first
    if third < low:
        return low
    return high if third > high else third


def fibonacci(place: int) -> int:
    """Return the Fibonacci number at a place, where places 0 and 1 hold 0 and 1."""
    current, following = 0, 1
    for _ in range(place):
        current, following = following, current + following
    return current


def power_of_two(number: int) -> bool:
    """Return whether a positive whole number is a power of two."""
    while number % 2 == 0 and number > 1:
        number = number // 2
    return number == 1


def wrap(value: int, size: int) -> int:
    """Return the position on a circle of the given size that a step count ends at."""
    return ((value % size) + size) % size


def grade(points: int) -> int:
    """Return a grade from 1, the best, to 5 for points from 0 to 100."""
    if points >= 90:
        return 1
    if points >= 75:
        return 2
    if points >= 60:
        return 3
    return 4 if points >= 50 else 5


def reversed_digits(number: int) -> int:
    """Return the number that the decimal digits give when read backwards."""
    result = 0
    while number > 0:
        result = result * 10 + number % 10
        number = number // 10
    return result
