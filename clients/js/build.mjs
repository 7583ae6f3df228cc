// Makes what npm ships besides the modules, in dist/: the whole as one small module and as a script
// for pages without modules, each with a source map. esbuild comes from npm: `npm install` first.
// With --size it says instead how large things are, minified and gzipped.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';

const small = {
  bundle: true,
  minify: true,
  mangleProps: /^_/, // what is no module's business but its own
  target: ['es2022'],
  legalComments: 'none',
};
const banner = { js: '/* Longwire, Apache-2.0 */' };
const whole = { ...small, entryPoints: ['longwire.js'], sourcemap: true, banner };

async function sizeOf(contents) {
  const stdin = { contents, resolveDir: import.meta.dirname ?? '.' };
  const { outputFiles } = await build({ ...small, stdin, format: 'esm', write: false });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

if (process.argv.includes('--size')) {
  const of = (names) => `export { ${names} } from './longwire.js'`;
  console.log('everything:', await sizeOf("export * from './longwire.js'"), 'bytes');
  console.log('subscribe:', await sizeOf(of('subscribe')), 'bytes');
} else {
  await build({ ...whole, format: 'esm', outfile: 'dist/longwire.min.js' });
  await build({ ...whole, format: 'iife', globalName: 'longwire', outfile: 'dist/longwire.iife.js' });
}
