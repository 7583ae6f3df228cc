# Makes one file of the client's modules, for the hub to serve: usage
#
#   awk [-v global=NAME] -f bundle.awk src/A.js src/B.js ... longwire.js
#
# The modules come in an order in which each stands behind those that it needs at once; the last only
# says what is exported. They import by `import { … } from './…';` without other names, export where
# they declare, and no two declare the same name, so that all of it can stand in one scope. With
# `global` it is a script for pages without modules, which gives them an object of that name.

FNR == 1 && NR > 1 { print "" }
FNR == 1 && global && NR == 1 { print "var " global " = (() => {" }

/^export \{.*\} from / {
    sub(/^export \{ */, ""); sub(/ *\} from .*/, "")
    exported = exported (exported ? ", " : "") $0
    next
}
/^import / { importing = 1 }
importing { if (/;$/) importing = 0; next }
{ sub(/^export /, ""); print }

END {
    if (global) print "return { " exported " };\n})();"
    else print "export { " exported " };"
}
