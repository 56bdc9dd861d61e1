# The finished tree of another image, in other types or with another key: nothing is installed and nothing post-processed.
#
#   inherit imaging
#   IMAGING_OF = "base-image"
#   IMAGE_FSTYPES = "erofs"
#
# The image is of a recipe of this project, or one for which a bundle of IMAGE_TEMPLATE stands. `tsbake imaging` builds such a recipe.

inherit image

# The recipe of the image.
IMAGING_OF ?= ""
# 1: what IMAGE_TREE and ROOTFS_OUTPUT name is taken as it is, whatever it was made of.
IMAGING_STORED ?= "0"

python () {
    if not d.getVar('IMAGING_OF'):
        raise bb.parse.SkipRecipe('IMAGING_OF is empty: set it to the recipe of the image')
    isStored = d.getVar('IMAGING_STORED') == '1'
    tree = d.getVar('IMAGING_OF') + ':do_finished_tree'
    files = [d.getVar('IMAGE_TREE') + '/image.tar:True', d.getVar('IMAGE_TREE') + '/files.jsonl:True', d.getVar('ROOTFS_OUTPUT') + '/packages.json:True']
    for task in sorted({'do_image_' + word.split('.')[0] for word in d.getVar('IMAGE_TYPES').split()} | {'do_image_complete'}):
        if isStored:
            d.appendVarFlag(task, 'file-checksums', ' ' + ' '.join(files))
        else:
            d.appendVarFlag(task, 'depends', ' ' + tree)
            d.setVarFlag(task, 'requires', '%s:TARGET_ARCH=%s %s:MACHINE=%s' % (d.getVar('IMAGING_OF'), d.getVar('TARGET_ARCH'), d.getVar('IMAGING_OF'), d.getVar('MACHINE')))
}

IMAGE_TREE = "${IMAGE_TREE_DIR}/${IMAGING_OF}"
ROOTFS_OUTPUT = "${IMAGE_TREE_DIR}/${IMAGING_OF}"

deltask rootfs
deltask pkgdb_snapshot
deltask base_tree
deltask pkgdb
deltask image
deltask finished_tree

# Packages are in the tree.
do_build[recrdeptask] = ""
