// The sources run as TypeScript, which takes Node 22.19. `npm ci` puts Node 24 in node_modules/.bin (the devDependency
// "node"), where npm scripts find it first, whatever Node npm itself runs on.
const [major, minor] = process.versions.node.split(".").map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`This repository needs Node >= 22.19, but this is ${process.version} (${process.execPath}).

  Run it through npm after "npm ci":  npm start, npm test
  If install scripts were blocked:    npm rebuild node --foreground-scripts
  Or use a newer Node:                https://nodejs.org
`)
  process.exit(1)
}
