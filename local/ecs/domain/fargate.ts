// The task sizes Fargate sells. A definition that would be refused in the cloud is refused here, with the same words.
import { clientError } from "../errors.ts";

const MIB_PER_GB = 1024;

/** CPU units → memory in MiB: the values allowed, or a range and its step. */
const SIZES: Readonly<Record<number, readonly number[] | { from: number; to: number; step: number }>> = {
  256: [512, 1024, 2048],
  512: { from: 1024, to: 4096, step: MIB_PER_GB },
  1024: { from: 2048, to: 8192, step: MIB_PER_GB },
  2048: { from: 4096, to: 16_384, step: MIB_PER_GB },
  4096: { from: 8192, to: 30_720, step: MIB_PER_GB },
  8192: { from: 16_384, to: 61_440, step: 4 * MIB_PER_GB },
  16384: { from: 32_768, to: 122_880, step: 8 * MIB_PER_GB },
};

export interface TaskSize {
  /** 1024 units are one vCPU. */
  readonly cpuUnits: number;
  readonly memoryMiB: number;
}

/** Reads `"1024"`/`"1 vCPU"` and `"2048"`/`"2 GB"`. @throws {AwsError} ClientException for a size Fargate does not have */
export function fargateSize(cpu: string | undefined, memory: string | undefined): TaskSize {
  const cpuUnits = amount(cpu, /vcpu$/i, 1024);
  const memoryMiB = amount(memory, /gb$/i, MIB_PER_GB);
  const allowed = SIZES[cpuUnits];
  const fits = Array.isArray(allowed)
    ? allowed.includes(memoryMiB)
    : allowed !== undefined &&
      "from" in allowed &&
      memoryMiB >= allowed.from &&
      memoryMiB <= allowed.to &&
      memoryMiB % allowed.step === 0;
  if (!fits) {
    throw clientError(
      `No Fargate configuration exists for given values: ${cpu ?? "no"} CPU, ${memory ?? "no"} memory. See the Amazon ECS documentation for the valid values.`,
    );
  }
  return { cpuUnits, memoryMiB };
}

function amount(text: string | undefined, unit: RegExp, unitSize: number): number {
  if (text === undefined) return Number.NaN;
  const trimmed = text.trim();
  return unit.test(trimmed) ? Number(trimmed.replace(unit, "").trim()) * unitSize : Number(trimmed);
}
