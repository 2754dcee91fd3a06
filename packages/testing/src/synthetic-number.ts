/**
 * Makes an E.164 number that belongs to nobody: 0 to 99 give `+12025550100` to `+12025550199`, which the North
 * American plan keeps free for fiction; 100 and above give `+15005550000` to `+15005559999`, from an exchange that is
 * not assigned to subscribers.
 *
 * @param index a whole number from 0 to 10,099
 * @throws RangeError when `index` is out of range
 * @example
 * syntheticNumber(3); // "+12025550103"
 */
export function syntheticNumber(index: number): string {
  if (!Number.isInteger(index) || index < 0 || index > 10_099) {
    throw new RangeError("index must be a whole number from 0 to 10,099");
  }
  return index < 100
    ? `+120255501${String(index).padStart(2, "0")}`
    : `+1500555${String(index - 100).padStart(4, "0")}`;
}
