import { z } from 'zod';

interface Shape {
  readonly type?: string;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
}

/** Every key that a schema accepts, as docs/configuration.md writes them: `pairs[].pair`, `assets.*.baseline`. */
export function leafKeys(schema: z.ZodType): string[] {
  return [...new Set(leavesOf(z.toJSONSchema(schema, { io: 'input' }) as Shape, ''))];
}

function leavesOf(shape: Shape, at: string): string[] {
  const variants = shape.anyOf ?? shape.oneOf;
  if (variants !== undefined) return variants.flatMap((variant) => leavesOf(variant, at));
  const { properties, additionalProperties: others, items } = shape;
  if (properties !== undefined)
    return Object.entries(properties).flatMap(([key, value]) =>
      leavesOf(value, at === '' ? key : `${at}.${key}`),
    );
  if (typeof others === 'object') return leavesOf(others, `${at}.*`);
  return items?.type === 'object' ? leavesOf(items, `${at}[]`) : [at];
}
